// What the kernel says of the radio, beside bluetoothd: an adapter that is pulled out, switched off or broken is noticed
// and said even when bluetoothd hangs or is not there. It decides nothing; the adapter's machine follows bluetoothd.

import BlueZ
import Glibc
import Logging
import VitalSigns

extension BluetoothLoop {
  /// An absent socket or a missing permission is no fault of the hub: `doctor` explains it.
  func openRadio() {
    radioRetryAt = now.adding(seconds: 60)
    do throws(RadioAbsence) {
      radio = try ManagementMonitor()
      radioAbsence = nil
    } catch {
      if radioAbsence != error { trace("radio", error.sentence) }
      radioAbsence = error
    }
  }

  var isWatchingRadio: Bool { radio?.health.isWatching == true }

  func readRadio() {
    radio?.read { event in
      switch event {
      case .appeared(let index): noteRadio(.notice, "hci\(index) is there")
      case .vanished(let index): noteRadio(.warning, "hci\(index) is gone")
      case .power(let index, let isOn): noteRadio(isOn ? .notice : .warning, "hci\(index) is \(isOn ? "on" : "off")")
      // The duty cycle scans and rests every few seconds: nothing to tell.
      case .scanning: break
      case .controllerError(let index, let code): noteRadio(.error, "hci\(index) reports the error \(code)")
      case .rejected: break
      case .ended(let code): noteRadio(.warning, "the kernel no longer tells of the radio (errno \(code))")
      }
    }
  }

  private func noteRadio(_ level: Logger.Level, _ what: String) {
    trace("radio", what)
    link.logger.log(level: level, "the kernel about the Bluetooth radio", metadata: ["state": "\(what)"])
  }
}
