// What each event of a session can lead to: one small type an event, so that the type says what may follow it. The loop carries
// them out by way of `SessionShell`, which holds their order. An event that answers with one part alone, or with nothing, has no type
// of its own; the parts stand in `SessionActions+parts.swift`.

import BlueZ
import DeviceProfile

extension BluetoothSession {
  // MARK: The queue

  enum SlotGrantedAction: Sendable, Hashable {
    /// The slot was not asked for any more.
    case nothing
    /// The device has gone while it waited.
    case releaseSlot
    case connect
    /// There is a link already.
    case linkUp(LinkUpAction)
  }

  // MARK: What BlueZ says

  /// A change of the device's facts. They move a session in most states, by something else in each: hence more cases than elsewhere.
  enum FactsAction: Sendable, Hashable {
    case nothing
    /// Without a link: a slot is asked for, the bond came back, or a removal is made up for.
    case onward(OnwardAction)
    /// Somebody else's attempt brought the link.
    case linkUp(LinkUpAction)
    /// The services that a link waited for are there.
    case step(StepAction)
    case lost(LostAction)
    /// The end that was asked for has come.
    case ended(EndAction)
  }

  // MARK: Replies

  /// A reply to a call, by the call that it answers.
  enum RepliedAction: Sendable, Hashable {
    /// Nobody waits for it, or it changes what the session knows and no more.
    case nothing
    case connect(ConnectRepliedAction)
    case pair(PairRepliedAction)
    case trust(TrustedAction)
    case step(StepRepliedAction)
    case disconnected(EndAction)
    case removed(OnwardAction)
    /// bluetoothd has gone, and the reply says it first.
    case stackLost(StackLostAction)
  }

  enum ConnectRepliedAction: Sendable, Hashable {
    /// Somebody else's attempt is waited for.
    case nothing
    case linkUp(LinkUpAction)
    case failed(AttemptFailedAction)
  }

  struct AttemptFailedAction: Sendable, Hashable {
    enum Then: Sendable, Hashable {
      case disconnect(DisconnectAction)
      case ended(EndAction)
    }

    /// Told before everything else.
    var problem: ProblemChange?
    /// Nothing else helps: the adapter should be switched off and on when nobody of importance is connected.
    var resetsAdapter = false
    var then: Then
  }

  enum PairRepliedAction: Sendable, Hashable {
    /// An earlier call of ours is under way; its bond shows in the facts.
    case nothing
    case bonded(BondedAction)
    case disconnect(DisconnectAction)
    /// The link was gone before the reply.
    case ended(EndAction)
  }

  enum StepRepliedAction: Sendable, Hashable {
    /// The same subscription in the other mode.
    case subscribeAgain(SessionOperation)
    /// The link is gone.
    case lost(LostAction)
    case disconnect(DisconnectAction)
    /// The next step begins. The change, told first: a bond that was suspected has proved itself.
    case step(ProblemChange?, StepAction)
    /// The fetch of records goes on; the change as above.
    case fetch(ProblemChange?, FetchAction)
  }

  // MARK: On a link

  /// A read was answered by its value. Nil instead of it: nobody waited for the value.
  struct ValueAction: Sendable, Hashable {
    /// A bond that was suspected has proved itself; told first.
    var problem: ProblemChange?
    var then: StepAction
  }

  // MARK: From outside

  /// The session is to leave: it was forgotten or stopped, or its bond is too weak.
  enum LeaveAction: Sendable, Hashable {
    /// It has left already, or is about to.
    case nothing
    case disconnect(DisconnectAction)
    /// There was neither a link nor an attempt.
    case ended(EndAction)
  }

  // MARK: Time

  /// The deadline has come. Each state with a deadline ends in another way: hence more cases than elsewhere.
  enum DeadlineAction: Sendable, Hashable {
    case nothing
    /// A pause is over, a device that was removed is not heard again, or bluetoothd owes the answer to a removal.
    case onward(OnwardAction)
    case disconnect(DisconnectAction)
    /// The end that was asked for is taken for granted.
    case ended(EndAction)
    /// Pair was not answered, and there is a bond.
    case bonded(BondedAction)
    case step(StepAction)
    case fetch(FetchAction)
  }
}
