// What the adapter's state machine hears and asks for: power, discovery, and the watch over a scan that hears nothing.

import BlueZ
import DeviceProfile
import VitalSigns

/// How much the hub wants to hear.
enum DiscoveryNeed: Sendable, Hashable {
  /// Nobody is waited for.
  case none
  /// Devices are to be found when they show up; scanning goes on and off.
  case cycle
  /// Advertisement-only devices, or an installer who waits: scanning goes on all the time.
  case continuous
}

enum AdapterInput: Sendable, Hashable {
  /// bluetoothd is there, or not.
  case service(isPresent: Bool)
  /// Nil: bluetoothd has no adapter of the wanted name.
  case facts(AdapterFacts?)
  case replied(AdapterOperation, BluezFailure?)
  /// Any advertisement of anybody.
  case heard
  /// `uuids` in BlueZ's form, sorted; empty: everything.
  case need(DiscoveryNeed, uuids: [String])
  /// A connection attempt is under way, or none is. Scanning pauses for it when nothing but `cycle` is needed.
  case connecting(Bool)
  /// A session found bluetoothd stuck.
  case resetWanted(beside: AdapterSession.Links)
  case stop
  case deadline
}

enum AdapterOperation: Sendable, Hashable {
  case loadObjects
  case registerAgent
  case setPowered(Bool)
  case setFilter(uuids: [String])
  case startDiscovery
  case stopDiscovery
}

enum AdapterAction: Sendable, Hashable {
  case perform(AdapterOperation)
  /// Sessions may connect from now on, or must not.
  case ready(Bool)
  case report(AdapterProblem?)
}

/// Why nothing is heard.
public enum AdapterProblem: String, Sendable, Hashable, CaseIterable {
  /// bluetoothd does not run.
  case noService
  /// bluetoothd runs and answers nothing, or refuses what the hub must have of it at the start.
  case noAnswer
  /// bluetoothd runs and has no adapter, or not the configured one.
  case noAdapter
  /// It cannot be switched on: blocked by rfkill, or broken.
  case cannotPowerOn
  /// Discovery is refused again and again.
  case cannotScan
  /// Scanning, and nothing is heard from anybody, through all restarts.
  case scanStalled
}
