// What devices can be missed for, brought up to date at start. A profile may have learned to say more, and a device may have been
// registered by a version that did not ask. Without this a tracker from last year would never be missed for its silence.

import DeviceProfile
import HubCore
import HubRegistry
import Journal
import JournalValues
import Logging
import VitalSigns

extension CoreParts {
  /// Registers anew, with everything else as it is, each device whose profile says other abilities than the journal. What finds no room in
  /// the intake waits for the next start.
  package func renewAbilities() {
    guard let devices = try? reader.devices(includingRemoved: false) else { return }
    for device in devices {
      guard let profile = registry.profile(device.profile) else {
        // Nobody understands what the device sends. That is told at once, as words that nobody knows are, instead of after its
        // interval.
        logger.error(
          "a registered device has no profile: it is not understood", metadata: ["device": "\(device.id)", "profile": "\(device.profile)"])
        var event = DeviceEvent(kind: .notUnderstood)
        event.isRetained = true  // the hub says it: no sign of life of the device
        _ = intake.submit(.event(event), device: device.id)
        continue
      }
      guard profile.abilities != device.liveness.abilities else { continue }
      var liveness = device.liveness
      liveness.abilities = profile.abilities
      let details = DeviceDetails(
        label: device.label, profile: device.profile, address: device.address, controller: device.controller,
        serialNumber: device.serialNumber, eui64: device.eui64)
      let companion = Companion(attachment: Attachment(reason: "what its profile can say", .device(details)), mark: nil)
      guard intake.submit(.registry(.deviceAdded(liveness)), device: device.id, companion: companion) != nil else {
        return logger.warning("not every device is watched as its profile allows; restart the core when it has less to do")
      }
    }
  }
}
