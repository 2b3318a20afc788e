// What each event of the adapter's machine can lead to: one small type an event, so that the type says what may follow it. The loop
// carries them out by way of `AdapterShell`, which holds their order.
//
// Whatever is due by the clock is done with every event that leaves the adapter in use: hence `due` in most of the types.

import BlueZ

extension AdapterSession {
  // MARK: Events

  /// bluetoothd came or went. In this order: the end of readiness, a change of the problem, the call.
  enum ServiceAction: Sendable, Hashable {
    /// The hub is ending.
    case nothing
    case load(endsReadiness: Bool, ProblemChange?)
    case absent(endsReadiness: Bool, ProblemChange?)
  }

  /// The adapter's facts have changed. In this order.
  struct FactsAction: Sendable, Hashable {
    /// The adapter was switched off, has gone, or is another one.
    var endsReadiness = false
    var found = FoundAction()
    var due = DueAction()
  }

  /// A call was replied to. In this order.
  struct RepliedAction: Sendable, Hashable {
    var reply = ReplyAction()
    var due = DueAction()
  }

  /// Something was heard of anybody. In this order.
  struct HeardAction: Sendable, Hashable {
    var problem: ProblemChange?
    var due: DueAction
  }

  /// The hub is ending. In this order.
  struct StopAction: Sendable, Hashable {
    var endsReadiness = false
    var stopsScan = false
  }

  // MARK: Parts

  /// `problem` has changed, which is told once. Nil inside: it is over.
  struct ProblemChange: Sendable, Hashable { var problem: AdapterProblem? }

  /// An adapter was looked for, or its power is known. A change of the problem is told first.
  struct FoundAction: Sendable, Hashable {
    enum Then: Sendable, Hashable {
      case nothing
      /// Sessions may connect from now on.
      case ready
      case powerOn
    }

    var problem: ProblemChange?
    var then = Then.nothing
  }

  /// What a reply leads to. A change of the problem is told first.
  struct ReplyAction: Sendable, Hashable {
    enum Then: Sendable, Hashable {
      case nothing
      case registerAgent
      case found(FoundAction)
    }

    var problem: ProblemChange?
    var then = Then.nothing
  }

  /// What is due by the clock. In this order.
  struct DueAction: Sendable, Hashable {
    enum Then: Sendable, Hashable {
      case nothing
      /// A call that failed is made again, or the scan is brought to what is wanted.
      case call(AdapterOperation)
      /// It was switched on, and is not on: sessions must not connect.
      case endReadiness
      /// Sessions must not connect, and the adapter is switched off for a moment.
      case powerCycle
    }

    /// A call had no reply in time.
    var missed = ReplyAction()
    var problem: ProblemChange?
    var then = Then.nothing
  }
}
