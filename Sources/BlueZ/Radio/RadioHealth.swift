// Whether the radios live, worked out from what the kernel tells on the management socket. A value: it takes packets and
// gives events and the next questions; no socket and no clock here. "Not known" stays nil: after the start nobody can
// tell whether an adapter scans until it next begins or ends.

/// Something that happened to a radio, in the order in which the kernel told it.
public enum RadioEvent: Sendable, Hashable {
  /// An adapter is there; its state follows.
  case appeared(index: UInt16)
  /// An adapter was pulled out, or its driver gave it up.
  case vanished(index: UInt16)
  /// Told at first sight and at each change. Off is what rfkill, bluetoothd and a crashed controller look like.
  case power(index: UInt16, isOn: Bool)
  /// Scanning began or ended. bluetoothd's own scan pauses now and then: judge by silence that lasts.
  case scanning(index: UInt16, Bool)
  /// The controller reported a hardware fault. The protocol has it; Linux up to 6.1 at least never sends it, and resets
  /// the controller instead: the power goes off and on.
  case controllerError(index: UInt16, code: UInt8)
  /// Bytes that are no packet were skipped.
  case rejected(ManagementRejection)
  /// The socket broke, with its errno, or was closed (0). Nothing more comes: make a new monitor.
  case ended(code: Int32)
}

/// What is known of the radios now.
public struct RadioHealth: Sendable, Hashable {
  /// Adapters that are looked after at once; the kernel's own limit for its list. More are left out.
  public static let adaptersMax = 16

  public struct Adapter: Sendable, Hashable {
    /// The kernel's number: 0 of `hci0`.
    public var index: UInt16
    public var address: BluetoothAddress?
    /// Nil until the kernel has answered.
    public var isPowered: Bool?
    /// Nil until scanning has begun or ended once; always nil where `hearsScanning` is false.
    public var isScanning: Bool?
    /// Bluetooth Low Energy, without which no device of this hub can be heard. Nil until the kernel has answered.
    public var hasLowEnergy: Bool?
    /// Company identifier of the chip's maker.
    public var manufacturer: UInt16?
    /// Hardware faults since the monitor began.
    public var errors: UInt64 = 0
    public var lastEvent: RadioEvent?

    public var name: String { "hci\(index)" }
    /// Known to be usable: powered and able to hear devices.
    public var isUsable: Bool { isPowered == true && hasLowEnergy != false }
  }

  /// By index.
  public private(set) var adapters: [Adapter] = []
  /// Whether the kernel has answered which adapters there are: before that an empty list says nothing.
  public private(set) var isComplete = false
  /// Whether the kernel tells this process about scanning, which needs CAP_NET_ADMIN. Nil until it has answered. Adapters
  /// that come and go and power are told to everybody.
  public private(set) var hearsScanning: Bool?
  /// Of the management protocol, `1.22`. Nil until the kernel has answered.
  public private(set) var version: String?
  /// Packets that were refused, since the monitor began.
  public private(set) var rejected: UInt64 = 0
  /// False when the socket broke: everything above is then the last that was known.
  public private(set) var isWatching = true

  package init() {}

  /// The first questions.
  package static let opening: [ManagementCommand] = [.readVersion, .readSupported, .readIndexList]

  public func adapter(_ index: UInt16) -> Adapter? { adapters.first { $0.index == index } }

  /// Takes one packet in: what happened, and what to ask because of it.
  package mutating func take(_ packet: ManagementPacket) -> (events: [RadioEvent], questions: [ManagementCommand]) {
    switch packet {
    case .version(let number, let revision):
      version = "\(number).\(revision)"
      return ([], [])
    case .supported(let codes):
      hearsScanning = codes.contains(ManagementPacket.discoveringCode)
      return ([], [])
    case .indexList(let indexes):
      isComplete = true
      // The list is the truth: what it lacks has gone meanwhile.
      let gone = adapters.map(\.index).filter { !indexes.contains($0) }
      let steps = gone.map { removed($0) } + indexes.map { added($0) }
      return (steps.flatMap(\.events), steps.flatMap(\.questions))
    case .indexAdded(let index): return added(index)
    case .indexRemoved(let index): return removed(index)
    case .controllerInfo(let index, let info):
      guard let place = place(index) else { return ([], []) }
      adapters[place].address = info.address
      adapters[place].manufacturer = info.manufacturer
      adapters[place].hasLowEnergy = info.supported.hasLowEnergy
      return (power(place, isOn: info.current.isPowered), [])
    case .newSettings(let index, let settings):
      guard let place = place(index) else { return ([], []) }
      return (power(place, isOn: settings.isPowered), [])
    case .discovering(let index, let isOn):
      guard let place = place(index), adapters[place].isScanning != isOn else { return ([], []) }
      adapters[place].isScanning = isOn
      return ([note(place, .scanning(index: index, isOn))], [])
    case .controllerError(let index, let code):
      guard let place = place(index) else { return ([], []) }
      adapters[place].errors &+= 1
      return ([note(place, .controllerError(index: index, code: code))], [])
    case .failed, .other:
      // A controller that went away while it was asked about is told by its own event.
      return ([], [])
    }
  }

  package mutating func reject(_ rejection: ManagementRejection) -> RadioEvent {
    rejected &+= 1
    return .rejected(rejection)
  }

  package mutating func end(code: Int32) -> RadioEvent {
    isWatching = false
    return .ended(code: code)
  }

  private func place(_ index: UInt16) -> Int? { adapters.firstIndex { $0.index == index } }

  private mutating func added(_ index: UInt16) -> (events: [RadioEvent], questions: [ManagementCommand]) {
    guard index != ManagementPacket.noController, place(index) == nil, adapters.count < Self.adaptersMax else { return ([], []) }
    let event = RadioEvent.appeared(index: index)
    adapters.insert(Adapter(index: index, lastEvent: event), at: adapters.firstIndex { $0.index > index } ?? adapters.count)
    return ([event], [.readControllerInfo(index: index)])
  }

  private mutating func removed(_ index: UInt16) -> (events: [RadioEvent], questions: [ManagementCommand]) {
    guard let place = place(index) else { return ([], []) }
    adapters.remove(at: place)
    return ([.vanished(index: index)], [])
  }

  private mutating func power(_ place: Int, isOn: Bool) -> [RadioEvent] {
    guard adapters[place].isPowered != isOn else { return [] }
    adapters[place].isPowered = isOn
    // Without power nothing scans; the kernel does not always say so.
    if !isOn, adapters[place].isScanning != nil { adapters[place].isScanning = false }
    return [note(place, .power(index: adapters[place].index, isOn: isOn))]
  }

  private mutating func note(_ place: Int, _ event: RadioEvent) -> RadioEvent {
    adapters[place].lastEvent = event
    return event
  }
}
