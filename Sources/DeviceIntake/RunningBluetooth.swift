// The Bluetooth link with its thread: made from the configuration, told which devices the registry has, stopped. And the
// choice of profiles for a device that an installer finds.

package import BluetoothLink
import CLinux
package import DeviceProfile
import Foundation
import HubConfiguration
import HubCore
import HubRegistry
import HubRuntime
import Journal
import JournalValues
import Logging
import ProfileCatalogue
import Synchronization
import VitalSigns

/// The link at work. Any thread.
package final class RunningBluetooth: Sendable {
  package let frames: BluetoothFrameIntake
  package let link: BluetoothLink
  private let catalogue: ProfileCatalogue
  private let registry: Registry
  private let thread = WorkerThread(name: "bluetooth")
  private let updating = Mutex(())

  init(
    _ settings: KnutepunktConfiguration.BluetoothSettings, _ services: LinkServices, catalogue: ProfileCatalogue,
    marks: [DeliveryMark], writer: JournalWriterThread
  ) throws(StartError) {
    self.catalogue = catalogue
    registry = services.registry
    frames = BluetoothFrameIntake(
      registry: registry, intake: services.intake, requests: services.requests, civil: services.civil, marks: marks
    ) {
      BluetoothFrameIntake.Shedding(entries: writer.shed.load(ordering: .relaxed), isNow: writer.storeState == .shedding)
    }
    frames.clocks = services.clocks
    let (clock, civil) = (services.intake.clock, services.civil)
    var configuration = BluetoothLinkConfiguration { civil.bluetoothTime(at: clock.wall()) }
    configuration.adapter = settings.adapter
    configuration.connectionsMax = settings.connectionsMax
    configuration.scanOn = settings.scanOn
    configuration.scanOff = settings.scanOff
    configuration.scanWatchdog = settings.scanWatchdog
    configuration.connectTimeout = settings.connectTimeout
    configuration.retryBackoffMax = settings.retryBackoffMax
    guard let link = BluetoothLink(configuration: configuration, handler: frames, watermark: services.durable, logger: services.logger)
    else {
      throw .descriptors(DescriptorShortage(errno: EMFILE))
    }
    self.link = link
  }

  /// Starts the link's thread.
  package func start() {
    update()
    thread.start { [self] in link.run() }
  }

  /// Gives the link the registry's devices: at start and after each change.
  package func update() {
    // Of two changes at once, the list that is made last must arrive last. Otherwise a fresh bond is taken for a removed device's.
    updating.withLock { _ in
      link.setDevices(
        registry.bluetoothDevices.compactMap { device, profile in profile.bluetoothDevice(device.address, name: "\(device.id)") })
    }
  }

  package func stop(within limit: Duration) { link.stop(within: limit) }

  package func ended() async { await thread.ended() }

  /// The profiles that fit what a device shows, best first; those that must be chosen by name come last.
  package func profiles(for found: BluetoothFoundDevice) -> [DeviceProfile] {
    let services = found.services + Array(found.serviceData.keys)
    var appearances = [BluetoothAppearance(services: services, name: found.name)]
    for (company, bytes) in found.manufacturerData {
      appearances.append(BluetoothAppearance(services: services, company: company, name: found.name, bytes: bytes))
    }
    for bytes in found.serviceData.values { appearances.append(BluetoothAppearance(services: services, name: found.name, bytes: bytes)) }
    return catalogue.profiles.filter { profile in
      !profile.transport.isMQTT && appearances.contains { profile.match.holds(for: $0) }
    }.sorted { ($0.match.byNameOnly ? 1 : 0, -$0.match.priority, $0.id) < ($1.match.byNameOnly ? 1 : 0, -$1.match.priority, $1.id) }
  }
}

extension DeviceProfile {
  /// What the link must know of a device of this profile; nil for MQTT.
  package func bluetoothDevice(_ address: String, name: String) -> BluetoothDevice? {
    guard let bluetooth else { return nil }
    let identify = commands.first { $0.effect == .identify && $0.parameters.isEmpty }
    var signal: BluetoothDevice.Signal?
    if let command = try? identify?.encode([:], address: address), case .characteristic(let uuid) = command.destination {
      signal = BluetoothDevice.Signal(characteristic: uuid, bytes: command.payload)
    }
    let characteristics = frames.compactMap { if case .characteristic(let uuid) = $0.key { uuid } else { nil } }
    return BluetoothDevice(
      address: address, name: name, kind: transport == .bleGatt ? .gatt(bluetooth) : .advertisement(bluetooth.priority),
      frames: Set(characteristics), signal: signal)
  }
}

extension CivilClock {
  func bluetoothTime(at wall: WallTime) -> BluetoothLocalTime {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = zone
    let parts = calendar.dateComponents(
      [.year, .month, .day, .hour, .minute, .second, .weekday], from: Date(timeIntervalSince1970: Double(wall.rawValue) / 1_000))
    // Foundation counts from Sunday = 1, Bluetooth from Monday = 1.
    let weekday = ((parts.weekday ?? 1) + 5) % 7 + 1
    return BluetoothLocalTime(
      year: UInt16(clamping: parts.year ?? 0), month: UInt8(clamping: parts.month ?? 0), day: UInt8(clamping: parts.day ?? 0),
      hour: UInt8(clamping: parts.hour ?? 0), minute: UInt8(clamping: parts.minute ?? 0), second: UInt8(clamping: parts.second ?? 0),
      weekday: UInt8(clamping: weekday))
  }
}
