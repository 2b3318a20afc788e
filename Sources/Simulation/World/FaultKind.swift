// Everything that can go wrong in a simulated world, by name, and how often it does in each kind of weather. A new fault begins here:
// then the compiler asks for its place in the plan and in the world.

import VitalSigns

/// One kind of fault. The name is what `--without` takes and what a failure prints.
package enum FaultKind: String, Sendable, Hashable, CaseIterable {
  // Of messages, each by chance.
  case duplicate, reordered, corrupt, truncated, deviceClock
  // Of devices.
  case deviceSilent, pressFlood
  // Of the broker and the way to it.
  case flap, longOutage, lostAcknowledgements, brokerRestart, brokerAmnesia
  // Of the machine.
  case kill, powerCut, wallStep
  // Of the disk.
  case diskFull, failingSync, lyingSync, standstill
  // Of destinations.
  case destinationAway, destinationSlow, lostAnswers, refusals
  // Of people.
  case nurseTwice, nursesAsleep, newHome
  // Of the installation.
  case resize
  // Of messages again, of roles, of the broker, of years. At the end, so that the plans of those before stay as they were.
  case sameInstant, forwarderDies, brokerRenumbers, longAway
  // Of the installation again.
  case restore, upgrade
  // Of a call for help.
  case callCutOff
  // Of people again.
  case registryChange

  /// Faults of single messages have a chance; the others have moments.
  var isOfMessages: Bool { messagesPerThousand(.storm) > 0 }

  /// How many messages of a thousand it meets.
  func messagesPerThousand(_ profile: SimulationProfile) -> UInt64 {
    let storm: UInt64
    switch self {
    case .duplicate: storm = 30
    case .reordered: storm = 20
    case .corrupt, .truncated: storm = 10
    case .deviceClock: storm = 5
    case .sameInstant: storm = 30
    default: return 0
    }
    return profile == .storm ? storm : profile == .swarm ? storm / 2 : 0
  }

  /// How many of these come in an hour, in all, and per home for what belongs to homes.
  func perHour(_ profile: SimulationProfile, homes: Int) -> Double {
    let swarm: Double
    switch self {
    case .deviceSilent: swarm = 0.2 * Double(homes)
    case .pressFlood: swarm = 0.3
    case .flap: swarm = 4
    case .longOutage: swarm = 0.3
    case .nursesAsleep: swarm = 0.3
    case .lostAcknowledgements: swarm = 3
    case .brokerRestart: swarm = 1
    case .brokerAmnesia: swarm = 0.3
    case .kill: swarm = 3
    case .powerCut: swarm = 2
    case .wallStep: swarm = 0.5
    case .diskFull: swarm = 0.5
    case .failingSync: swarm = 1
    // Against a disk that lies no program keeps its word; only a storm has one, and then less is expected.
    case .lyingSync: swarm = 0
    case .standstill: swarm = 0.5
    case .destinationAway: swarm = 2
    case .destinationSlow, .lostAnswers, .refusals: swarm = 1
    case .newHome: swarm = 1
    case .nurseTwice: swarm = 4
    case .resize: swarm = 0.5
    case .forwarderDies: swarm = 1
    case .brokerRenumbers: swarm = 0.5
    case .longAway: swarm = 0.3
    case .restore, .callCutOff: swarm = 1
    case .upgrade: swarm = 0.5
    case .registryChange: swarm = 3
    default: return 0
    }
    switch profile {
    case .calm: return 0
    case .swarm: return swarm
    case .storm: return self == .lyingSync ? 0.2 : swarm * 3
    }
  }

  /// How long it lasts, seconds.
  var seconds: ClosedRange<Int64> {
    switch self {
    case .deviceSilent: 300...1_800
    case .flap: 1...20
    case .longOutage: 1_200...2_400
    case .nursesAsleep: 600...1_800
    case .brokerRestart, .brokerAmnesia: 3...60
    case .kill: 1...5
    case .powerCut, .longAway: 5...120
    case .forwarderDies: 1...60
    case .restore: 20...900
    case .callCutOff: 10...10
    case .registryChange: 20...900
    case .brokerRenumbers: 1...20
    case .wallStep: 60...1_200
    case .diskFull: 30...300
    case .failingSync: 1...10
    case .lyingSync: 30...120
    case .standstill: 5...240
    case .destinationAway: 20...600
    case .destinationSlow, .lostAnswers, .refusals: 20...300
    default: 0...0
    }
  }
}

/// The weather.
package enum SimulationProfile: String, Sendable, Hashable, CaseIterable {
  /// Nothing goes wrong.
  case calm
  /// What a hub meets in bad months, in an hour.
  case swarm
  /// More than any hub meets, lying disks too.
  case storm
}
