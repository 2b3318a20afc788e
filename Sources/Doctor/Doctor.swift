// `knutepunkt doctor`: looks at everything that the hub leans on, and changes nothing. It needs no running core: it is for
// the installer whose hub does not start, and for operations before they restart one. Each check stands in its own file
// beside this one, takes what it looks at as arguments, and gives lines.

import Foundation
package import HubConfiguration
import HubRuntime

/// Namespace of the examination.
public enum Doctor {
  /// Looks at the machine through the configuration at `path`, in the order in which a hub needs things.
  ///
  /// A configuration that cannot be used is the first finding, and what needs none is looked at all the same. Takes up to
  /// a few seconds where something does not answer. Blocks its thread on the disk and on the system bus.
  public static func examine(configuration path: String) async -> [DoctorLine] {
    let (configuration, lines) = ConfigurationCheck.load(path)
    return await lines + examine(configuration, ProcessFacts.current)
  }

  package static func examine(_ configuration: KnutepunktConfiguration?, _ facts: ProcessFacts) async -> [DoctorLine] {
    var lines: [DoctorLine] = []
    if let configuration {
      lines += ConfigurationCheck.profiles(configuration)
      lines += StateFolderCheck.lines(configuration, mounts: Mount.ofThisProcess())
      lines += BackupCheck.lines(configuration, now: SystemClock.wall())
    }
    let core = await CoreCheck.ask(configuration)
    lines += core.lines
    lines += RealtimeCheck.lines(configuration?.realtime, facts, core: core.status)
    lines += ClockCheck.lines(configuration)
    for link in configuration?.mqttLinks ?? [] { lines.append(await BrokerCheck.line(link)) }
    for destination in configuration?.destinations ?? [] { lines.append(await DestinationCheck.line(destination)) }
    lines += BluetoothCheck.lines(BluetoothWish(configuration), BluetoothSurroundings.ofThisMachine(facts))
    return lines
  }
}
