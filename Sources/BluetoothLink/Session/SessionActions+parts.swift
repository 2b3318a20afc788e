// The parts that several events of a session share: how something ends, how it goes on, what comes next on a link.

import BlueZ
import DeviceProfile

extension BluetoothSession {
  /// `problem` has changed, which is told once. Nil inside: it is over.
  struct ProblemChange: Sendable, Hashable { var problem: BluetoothProblem? }

  // MARK: Going on

  enum StartAction: Sendable, Hashable {
    case nothing
    /// Join the queue for a connection.
    case requestSlot
  }

  /// How a session goes on that holds neither slot nor link. In this order.
  struct OnwardAction: Sendable, Hashable {
    enum Then: Sendable, Hashable {
      case nothing
      case requestSlot
      /// bluetoothd is to forget the device.
      case remove
    }

    var problem: ProblemChange?
    var then = Then.nothing

    init(problem: ProblemChange? = nil, then: Then = .nothing) {
      self.problem = problem
      self.then = then
    }

    init(_ start: StartAction, problem: ProblemChange? = nil) {
      switch start {
      case .nothing: self.init(problem: problem)
      case .requestSlot: self.init(problem: problem, then: .requestSlot)
      }
    }
  }

  // MARK: Ending

  /// What a session holds of the adapter, and gives back exactly once.
  enum Holding: Sendable, Hashable {
    case nothing
    /// A place in the queue, or an attempt.
    case slot
    /// A connection: its notification sockets are closed, its slot is given back, and its end is told, in this order.
    case link
  }

  /// The common ending of a link, an attempt or a wait: what was held is given back, then it goes on.
  struct EndAction: Sendable, Hashable {
    var givesBack = Holding.nothing
    var onward = OnwardAction()
  }

  /// bluetoothd or its adapter is gone: what was held is given back, and nothing can be asked for.
  struct StackLostAction: Sendable, Hashable {
    var givesBack: Holding
    var problem: ProblemChange?
  }

  /// Disconnect is asked for. In this order.
  struct DisconnectAction: Sendable, Hashable {
    var problem: ProblemChange?
    /// Pair is under way and is called off first.
    var cancelsPairing = false
  }

  /// All steps are done: a change of the problem is told, then the completion.
  struct CompletedAction: Sendable, Hashable { var problem: ProblemChange? }

  /// A link ended without our doing.
  struct LostAction: Sendable, Hashable {
    /// Nothing was left to be done: told before the end.
    var completed: CompletedAction?
    var end: EndAction
  }

  // MARK: On a link

  /// The link stands: the connecting phase ends, so that the next may begin, and the connection is told. Then the bond is seen to.
  struct LinkUpAction: Sendable, Hashable { var then: SecureAction }

  enum SecureAction: Sendable, Hashable {
    case pair
    case trust
    /// There is no bond, and none may be made.
    case disconnect(DisconnectAction)
    case step(StepAction)
  }

  /// The bond is told, then a change of the problem.
  struct BondedAction: Sendable, Hashable {
    enum Then: Sendable, Hashable {
      case trust
      /// It is trusted already.
      case trusted(TrustedAction)
    }

    var problem: ProblemChange?
    var then: Then
  }

  /// Bonded and trusted, as far as possible.
  enum TrustedAction: Sendable, Hashable {
    /// The link was gone before.
    case ended(EndAction)
    case disconnect(DisconnectAction)
    case step(StepAction)
  }

  /// What comes next on a link.
  enum StepAction: Sendable, Hashable {
    /// The step is to wait, or the services are awaited.
    case wait
    case perform(SessionOperation)
    case records(RecordAccess.Asking)
    case completed(CompletedAction)
    /// The profile's last step is to disconnect.
    case completedByLeaving(CompletedAction, DisconnectAction)
  }

  // MARK: Stored records

  /// What an event leads to while stored records are fetched.
  enum FetchAction: Sendable, Hashable {
    case wait
    case ask(RecordAccess.Asking)
    case finished(FetchEndAction)
  }

  struct FetchEndAction: Sendable, Hashable {
    enum Then: Sendable, Hashable {
      /// The fetch ends with the link.
      case disconnect(DisconnectAction)
      /// The end of the fetch is told before the next step.
      case step(StepAction)
    }

    /// The device confirmed that it deleted what it had sent: told first.
    var isDeleted = false
    var then: Then
  }
}
