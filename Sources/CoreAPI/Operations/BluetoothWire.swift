// Bluetooth's states and problems as the local API says them: one mapping, from the link's own.

import BluetoothLink
import LocalAPI

extension API.Bluetooth.Device.State {
  init(_ state: BluetoothDeviceState) {
    self =
      switch state {
      case .idle: .idle
      case .waiting: .waiting
      case .connecting: .connecting
      case .pairing: .pairing
      case .reading: .reading
      case .settling: .settling
      case .connected: .connected
      case .listening: .listening
      case .problem: .problem
      }
  }
}

extension API.Bluetooth.Problem {
  init(_ problem: BluetoothProblem) {
    self =
      switch problem {
      case .notPaired: .notPaired
      case .bondLost: .bondLost
      case .pairingRefused: .pairingRefused
      case .cannotConnect: .cannotConnect
      case .noServices: .noServices
      case .missingCharacteristic: .missingCharacteristic
      case .stepRefused: .stepRefused
      case .recordAccess: .recordAccess
      case .stuck: .stuck
      }
  }
}

extension API.Bluetooth.Absence {
  init(_ problem: AdapterProblem) {
    self =
      switch problem {
      case .noService: .noService
      case .noAnswer: .noAnswer
      case .noAdapter: .noAdapter
      case .cannotPowerOn: .cannotPowerOn
      case .cannotScan: .cannotScan
      case .scanStalled: .scanStalled
      }
  }
}

extension API.Pairing.State {
  /// - Parameter hasReadings: a device under test has said something.
  init(_ phase: BluetoothPairingStatus.Phase, hasReadings: Bool) {
    self =
      switch phase {
      case .closed: .closed
      case .searching: .searching
      case .connecting: .connecting
      case .pairing: .pairing
      case .prompt: .prompt
      case .testing: hasReadings ? .ready : .testing
      case .failed: .failed
      }
  }
}

extension API.Pairing.Prompt {
  init(_ prompt: BluetoothPrompt) {
    let kind: Kind =
      switch prompt.kind {
      case .display: .display
      case .confirm: .confirm
      case .enter: .enter
      }
    self.init(kind: .known(kind), passkey: prompt.passkey.map(Self.sixDigits), number: prompt.number)
  }

  private static func sixDigits(_ passkey: UInt32) -> String {
    let text = String(passkey)
    return String(repeating: "0", count: max(0, 6 - text.count)) + text
  }
}
