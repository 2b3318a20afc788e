// Who is here and which device is whose, as links and the local API need it: in memory, made from the journal at start,
// changed only after the journal has the change. The core keeps its own view from the same entries.

package import DeviceProfile
import Foundation
import Synchronization
package import VitalSigns

/// A registered person.
package struct RegisteredPatient: Sendable {
  package var id: PatientID
  package var name: String
  package var nationalID: String?
  package var controller: String
  package var since: WallTime
  package var ended: WallTime?
  package var eligibility = NEWS2Eligibility()

  package init(id: PatientID, name: String, nationalID: String? = nil, controller: String, since: WallTime, ended: WallTime? = nil) {
    self.id = id
    self.name = name
    self.nationalID = nationalID
    self.controller = controller
    self.since = since
    self.ended = ended
  }
}

/// A registered device.
package struct RegisteredDevice: Sendable {
  package var id: DeviceID
  package var label: String
  package var profile: String
  package var address: String
  package var liveness: DeviceLiveness
  package var patient: PatientID
  package var removed: Bool
  /// The hub's wall clock when the device's last frame came in this run; `.unknown` before the first.
  package var lastSeen: WallTime
  /// The entry that last gave the device to somebody, or to nobody. Of two changes at once the later one in the journal's order
  /// holds.
  var assignedBy: UInt64 = 0

  package init(
    id: DeviceID, label: String, profile: String, address: String, liveness: DeviceLiveness, patient: PatientID, removed: Bool,
    lastSeen: WallTime, assignedBy: UInt64 = 0
  ) {
    self.id = id
    self.label = label
    self.profile = profile
    self.address = address
    self.liveness = liveness
    self.patient = patient
    self.removed = removed
    self.lastSeen = lastSeen
    self.assignedBy = assignedBy
  }
}

/// The registry. Any thread; look-ups by topic take one short lock.
package final class Registry: Sendable {
  private struct State {
    var patients: [PatientID: RegisteredPatient] = [:]
    var devices: [DeviceID: RegisteredDevice] = [:]
    /// Devices by the person who has them now.
    var byPatient: [PatientID: Set<DeviceID>] = [:]
    /// Rises with each person who comes, is changed or ends.
    var peopleVersion: UInt64 = 1
    var nextPatient: UInt32 = 1
    var nextDevice: UInt32 = 1
    /// Every topic that a registered device sends on, and which program of its profile reads it.
    var topics: [String: (device: DeviceID, frameIndex: Int)] = [:]
    /// Devices of the profiles in `wildcardProfiles`, by profile and address.
    var behindWildcards: [String: DeviceID] = [:]
    /// Bluetooth addresses of registered devices, canonical.
    var addresses: [String: DeviceID] = [:]
    /// Topics and addresses of devices that are on their way into the journal. Bound: one device for each request under way.
    var reserved: Set<String> = []
  }
  private let state = Mutex(State())
  private let profiles: [String: DeviceProfile]
  /// Profiles that read topics of which a part may be anything. No list can hold all such topics. In the order of their ids.
  private let wildcardProfiles: [DeviceProfile]

  package init(profiles: [DeviceProfile], patients: [RegisteredPatient], devices: [RegisteredDevice]) {
    self.profiles = Dictionary(profiles.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    wildcardProfiles = self.profiles.values.filter(\.hasWildcardTopics).sorted { $0.id < $1.id }
    state.withLock { state in
      for patient in patients {
        state.patients[patient.id] = patient
        state.nextPatient = max(state.nextPatient, patient.id.rawValue + 1)
      }
      for device in devices {
        state.devices[device.id] = device
        if device.patient != .none { state.byPatient[device.patient, default: []].insert(device.id) }
        state.nextDevice = max(state.nextDevice, device.id.rawValue + 1)
        if !device.removed { add(waysTo: device, to: &state) }
      }
    }
  }

  private func add(waysTo device: RegisteredDevice, to state: inout State) {
    guard let profile = profiles[device.profile] else { return }
    if !profile.transport.isMQTT { state.addresses[device.address] = device.id }
    if profile.hasWildcardTopics { state.behindWildcards[Self.key(profile, device.address)] = device.id }
    for topic in topics(of: device) {
      if let index = profile.frameIndex(topic: topic) { state.topics[topic] = (device.id, index) }
    }
  }

  /// The key of a device behind a wildcard. No profile's id contains a space, so two keys never meet.
  private static func key(_ profile: DeviceProfile, _ address: String) -> String { "\(profile.id) \(address)" }

  /// The MQTT topics of one device; empty for another transport or a profile that is not loaded.
  private func topics(of device: RegisteredDevice) -> [String] {
    guard let profile = profiles[device.profile], profile.transport.isMQTT else { return [] }
    return profile.topicFilters(for: device.address)
  }

  // MARK: Links

  /// Which device sends on this topic, and how its frames are decoded.
  package func device(onTopic topic: String) -> (RegisteredDevice, DeviceProfile, frameIndex: Int)? {
    state.withLock { state in
      if let (id, index) = state.topics[topic], let device = state.devices[id], let profile = profiles[device.profile] {
        return (device, profile, index)
      }
      for profile in wildcardProfiles {
        guard let address = profile.address(fromTopic: topic), let index = profile.frameIndex(topic: topic),
          let id = state.behindWildcards[Self.key(profile, address)], let device = state.devices[id]
        else { continue }
        return (device, profile, index)
      }
      return nil
    }
  }

  /// The devices for which one topic speaks at once, in the order of their numbers: those behind a bridge, for the bridge's own state.
  /// Empty for every topic that a device has for itself. Looks at every device: such a message comes when a bridge starts or ends.
  package func devices(onSharedTopic topic: String) -> [(RegisteredDevice, DeviceProfile, frameIndex: Int)] {
    var frames: [String: Int] = [:]
    for profile in profiles.values {
      if let frame = profile.sharedTopics.first(where: { $0.topic == topic }) { frames[profile.id] = frame.frameIndex }
    }
    if frames.isEmpty { return [] }
    return state.withLock { state in
      state.devices.values.filter { !$0.removed }.sorted { $0.id < $1.id }.compactMap { device in
        guard let index = frames[device.profile], let profile = profiles[device.profile] else { return nil }
        return (device, profile, index)
      }
    }
  }

  /// Which device has this Bluetooth address.
  package func device(onBluetooth address: String) -> (RegisteredDevice, DeviceProfile)? {
    state.withLock { state in
      guard let id = state.addresses[address], let device = state.devices[id], let profile = profiles[device.profile] else { return nil }
      return (device, profile)
    }
  }

  /// The devices that a Bluetooth link looks after.
  package var bluetoothDevices: [(RegisteredDevice, DeviceProfile)] {
    state.withLock { state in
      state.addresses.values.sorted().compactMap { id in
        guard let device = state.devices[id], let profile = profiles[device.profile] else { return nil }
        return (device, profile)
      }
    }
  }

  /// What links subscribe to, sorted, with the highest quality of service that a profile asks for: every device of every
  /// profile, registered or not. So an installer sees the address of a device that nobody has registered yet, nothing that
  /// it says between its registration and a subscription is lost, and ten thousand devices need a dozen subscriptions.
  package func subscriptions() -> [(topic: String, qos: UInt8)] {
    var wanted: [String: UInt8] = [:]
    for profile in profiles.values {
      for filter in profile.wildcardTopicFilters { wanted[filter] = max(wanted[filter] ?? 0, profile.subscriptionQoS) }
    }
    return wanted.map { (topic: $0.key, qos: $0.value) }.sorted { $0.topic < $1.topic }
  }

  package func seen(_ device: DeviceID, at time: WallTime) {
    state.withLock { $0.devices[device]?.lastSeen = time }
  }

  /// The hub's wall clock was set by so many milliseconds and says `now`: when devices were heard moves with it, so that none seems silent
  /// for years. What was heard in the last two seconds bears the new time already.
  package func clockWasSet(by step: Int64, now: WallTime) {
    state.withLock { state in
      for (id, device) in state.devices where device.lastSeen != .unknown {
        let moved = device.lastSeen.adding(milliseconds: step)
        let isNew = device.lastSeen <= now && device.lastSeen >= now.adding(milliseconds: -2_000)
        if moved <= now, !isNew { state.devices[id]?.lastSeen = moved }
      }
    }
  }

  // MARK: Reading

  /// When a registered device was last heard; nil: none was.
  package var lastSeen: WallTime? {
    state.withLock { $0.devices.values.lazy.filter { !$0.removed && $0.lastSeen != .unknown }.map(\.lastSeen).max() }
  }

  package func patient(_ id: PatientID) -> RegisteredPatient? { state.withLock { $0.patients[id] } }
  package func device(_ id: DeviceID) -> RegisteredDevice? { state.withLock { $0.devices[id] } }
  package func profile(_ id: String) -> DeviceProfile? { profiles[id] }
  package var profileIDs: [String] { profiles.keys.sorted() }

  // The arrays are sorted outside the lock, because every frame that comes in needs the lock.
  package var patients: [RegisteredPatient] { state.withLock { Array($0.patients.values) }.sorted { $0.id < $1.id } }
  package var devices: [RegisteredDevice] { state.withLock { Array($0.devices.values) }.sorted { $0.id < $1.id } }

  /// A number that is another one after every change of a person.
  package var peopleVersion: UInt64 { state.withLock { $0.peopleVersion } }

  /// How many people and devices there are now, without former ones.
  package var counts: (patients: Int, devices: Int) {
    state.withLock { state in
      (state.patients.values.count { $0.ended == nil }, state.devices.values.count { !$0.removed })
    }
  }

  /// Which devices the person has now, by number.
  package func devices(of patient: PatientID) -> [DeviceID] { state.withLock { Array($0.byPatient[patient] ?? []) }.sorted() }

  // MARK: Reserving an address, before the journal has the device

  package enum Reservation {
    /// Until `release`, nobody else gets these topics.
    case reserved
    /// This device answers to one of them.
    case taken(RegisteredDevice)
    /// This device answers to one of them but for capital letters: MQTT tells them apart, people do not.
    case alike(RegisteredDevice)
    /// Somebody is registering a device with one of them now.
    case underWay
  }

  /// Checks and takes the topics or the address of a device in one step: with two devices on one of them, one person's values
  /// would be recorded as another's.
  package func reserve(profile: DeviceProfile, address: String) -> Reservation {
    let wanted = ways(to: address, profile)
    return state.withLock { state in
      if !profile.transport.isMQTT, let id = state.addresses[address], let device = state.devices[id] { return .taken(device) }
      for topic in wanted {
        if let reader = state.topics[topic], let device = state.devices[reader.device] { return .taken(device) }
        if state.reserved.contains(topic) { return .underWay }
      }
      let small = Set(wanted.map { $0.lowercased() })
      let alike = state.topics.filter { small.contains($0.key.lowercased()) }.map(\.value.device).min()
      if let alike, let device = state.devices[alike] { return .alike(device) }
      state.reserved.formUnion(wanted)
      return .reserved
    }
  }

  package func release(profile: DeviceProfile, address: String) {
    let wanted = ways(to: address, profile)
    state.withLock { $0.reserved.subtract(wanted) }
  }

  /// The topics or the address by which the device is reached, as keys. No topic contains a space, so an address never meets one.
  private func ways(to address: String, _ profile: DeviceProfile) -> [String] {
    profile.transport.isMQTT ? profile.topicFilters(for: address) : ["bluetooth \(address)"]
  }

  // MARK: Changing, after the journal has it

  /// A number that no person has had. It is given once; when the intake refuses the person's entry, the number stays unused.
  package func newPatientID() -> PatientID {
    state.withLock { state in
      defer { state.nextPatient += 1 }
      return PatientID(rawValue: state.nextPatient)
    }
  }

  /// New numbers begin above these, also where nobody has them now: an earlier life of this hub may have given them.
  package func giveNumbers(abovePatient patient: UInt32, device: UInt32) {
    state.withLock { state in
      state.nextPatient = max(state.nextPatient, patient + 1)
      state.nextDevice = max(state.nextDevice, device + 1)
    }
  }

  package func newDeviceID() -> DeviceID {
    state.withLock { state in
      defer { state.nextDevice += 1 }
      return DeviceID(rawValue: state.nextDevice)
    }
  }

  package func add(_ patient: RegisteredPatient) {
    state.withLock { state in
      state.patients[patient.id] = patient
      state.peopleVersion += 1
      state.nextPatient = max(state.nextPatient, patient.id.rawValue + 1)
    }
  }

  package func end(_ patient: PatientID, at time: WallTime) {
    state.withLock { state in
      state.peopleVersion += 1
      state.patients[patient]?.ended = time
      for id in (state.byPatient[patient] ?? []).sorted() { Self.give(id, to: .none, &state) }
    }
  }

  /// Gives the device to the person and keeps the index by person.
  private static func give(_ device: DeviceID, to patient: PatientID, _ state: inout State) {
    guard let before = state.devices[device]?.patient else { return }
    state.byPatient[before]?.remove(device)
    if state.byPatient[before]?.isEmpty == true { state.byPatient[before] = nil }
    state.devices[device]?.patient = patient
    if patient != .none { state.byPatient[patient, default: []].insert(device) }
  }

  package func add(_ device: RegisteredDevice) {
    state.withLock { state in
      let patient = device.patient
      state.devices[device.id] = device
      state.devices[device.id]?.patient = .none
      state.nextDevice = max(state.nextDevice, device.id.rawValue + 1)
      Self.give(device.id, to: patient, &state)
      add(waysTo: device, to: &state)
    }
  }

  package func assign(_ device: DeviceID, to patient: PatientID, by sequence: UInt64) {
    state.withLock { state in
      guard let known = state.devices[device], !known.removed, sequence > known.assignedBy else { return }
      Self.give(device, to: patient, &state)
      state.devices[device]?.assignedBy = sequence
    }
  }

  package func remove(_ device: DeviceID) {
    state.withLock { state in
      state.devices[device]?.removed = true
      Self.give(device, to: .none, &state)
      state.topics = state.topics.filter { $0.value.device != device }
      state.behindWildcards = state.behindWildcards.filter { $0.value != device }
      state.addresses = state.addresses.filter { $0.value != device }
    }
  }
}
