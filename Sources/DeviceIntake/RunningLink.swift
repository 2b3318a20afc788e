// One MQTT link with its thread: made from the configuration, started, told what to subscribe to, stopped.

import CLinux
import Foundation
import HubClaims
package import HubConfiguration
import HubCore
import HubRegistry
import HubRuntime
import Journal
import JournalValues
import Logging
package import MQTTLink
import Synchronization
import VitalSigns

/// A link at work. Any thread.
package final class RunningLink: Sendable {
  package let name: String
  package let frames: MQTTFrameIntake
  package let link: MQTTLink
  /// Hears alarms while the link's own messages are held up.
  let ear: AlarmEar
  /// Says at the broker who this hub is; nil: it does not.
  let claims: ClaimLink?
  private let thread = WorkerThread(name: "mqtt")

  /// Redeliveries that are recognised: as many frames as the broker can have in flight, and as many again for those whose
  /// acknowledgement left just before a crash.
  ///
  /// A 3.1.1 broker keeps to its own window, which the link does not know. The 1000 of our drop-in file fits in.
  static func marksMax(_ receiveMaximum: Int) -> Int { max(4_096, 2 * receiveMaximum) }

  init(
    _ settings: KnutepunktConfiguration.MQTTLinkSettings, _ hub: KnutepunktConfiguration.HubSettings, _ services: LinkServices,
    marks: [DeliveryMark], lastSequence: UInt64, standDown: @escaping @Sendable (Claim) -> Void
  ) throws(StartError) {
    name = settings.name
    let known = marks.filter { $0.message != AlarmEar.copyMessage }.map { mark in
      let isRefused = mark.taken == DeliveryMark.refused
      return (
        mark: RedeliveryBook.Mark(message: UInt16(truncatingIfNeeded: mark.message), hash: mark.hash),
        // All of these marks are durable, so a frame that repeats one waits for nothing.
        known: RedeliveryBook.Known(sequence: isRefused ? 0 : lastSequence, taken: mark.taken == 0 ? nil : Int(mark.taken)),
        arrived: mark.wall
      )
    }
    frames = MQTTFrameIntake(
      name: settings.name, registry: services.registry, intake: services.intake, requests: services.requests, civil: services.civil,
      redeliveries: RedeliveryBook(marksMax: Self.marksMax(settings.receiveMaximum), known: known),
      backlog: LinkBacklog(lastHeard: marks.map(\.wall).max() ?? .unknown, waitedSince: services.waitedSince), logger: services.logger)
    frames.clocks = services.clocks
    let configuration = try Self.configuration(settings, controller: hub.controller, hub: hub.name)
    do {
      link = try MQTTLink(configuration: configuration, handler: frames, watermark: services.durable, logger: services.logger)
    } catch {
      throw .link(name: settings.name, reason: "\(error)")
    }
    let link = link
    frames.sessionPresent = { link.statistics.sessionPresent }
    ear = try AlarmEar(
      name: settings.name, configuration, services, marks: marks)
    do throws(DescriptorShortage) {
      claims = try services.identity.flatMap { identity throws(DescriptorShortage) in
        settings.claims ? try ClaimLink(name: settings.name, configuration, identity, services, standDown: standDown) : nil
      }
    } catch { throw .descriptors(error) }
    frames.ear = ear
  }

  private static func configuration(
    _ settings: KnutepunktConfiguration.MQTTLinkSettings, controller: String, hub: String
  ) throws(StartError) -> MQTTLinkConfiguration {
    var result = MQTTLinkConfiguration(clientID: settings.clientID, host: settings.host, port: settings.port)
    result.protocolVersion = settings.version == .v5 ? .v5 : .v311
    if let tls = settings.tls {
      result.tls = MQTTTLSConfiguration(caFile: tls.caFile, certificateFile: tls.certificateFile, keyFile: tls.keyFile)
    }
    result.username = settings.username
    do {
      result.passwordFile = try settings.password?.path()
    } catch {
      throw .secret(path: "links.mqtt \(settings.name)", reason: "\(error)")
    }
    result.keepAliveSeconds = Int(settings.keepAlive.components.seconds)
    result.sessionExpirySeconds = Int(settings.sessionExpiry.components.seconds)
    result.receiveMaximum = settings.receiveMaximum
    result.maximumPayloadBytes = settings.maximumPayloadBytes
    result.ackHoldMilliseconds = max(1, Int(settings.ackHold.wholeMilliseconds))
    // The state is retained, `online` and `offline`: whoever reads it knows whether silence means "nothing happened" or "nobody
    // listens".
    result.stateTopic = "knutepunkt/v1/\(controller)/\(hub)/state"
    return result
  }

  /// Starts the link's thread.
  package func start(subscriptions: [(topic: String, qos: UInt8)]) throws(StartError) {
    try subscribe(subscriptions)
    claims?.start()
    thread.start { [self] in
      // A hub whose place another has taken must not take that one's messages before it knows.
      claims?.waitUntilSettled()
      link.run()
    }
  }

  /// Replaces the subscriptions; the link sends the difference.
  package func subscribe(_ subscriptions: [(topic: String, qos: UInt8)]) throws(StartError) {
    do {
      try link.subscribe(subscriptions.map { MQTTSubscription(filter: $0.topic, qos: $0.qos) })
    } catch {
      throw .link(name: name, reason: "\(error)")
    }
  }

  package func stop(within limit: Duration) {
    ear.stop()
    link.stop(within: limit)
    claims?.stop()
  }

  /// What is wrong with the link now, since when it hears nothing, and when a frame came last: facts for people.
  package var health: MQTTLinkHealth { MQTTLinkHealth(link.statistics, hearsAlarmsTwice: ear.facts.isListening) }

  package func ended() async { await thread.ended() }
}

/// Whether a link hears its devices, and if not, since when and why.
package struct MQTTLinkHealth: Sendable, Hashable {
  /// For how long the link has not been live, milliseconds; nil while it is live.
  var notLiveMilliseconds: Int64?
  /// What is wrong, in words, with the next step. A live link can have a problem, too.
  var problem: MQTTLinkProblem?
  var lastFrameMilliseconds: Int64?
  /// Messages are held up at the moment, and alarms are heard over a second connection.
  var isHeldUp: Bool
  var hearsAlarmsTwice: Bool

  init(_ statistics: MQTTLinkStatistics, hearsAlarmsTwice: Bool) {
    notLiveMilliseconds = statistics.notLiveMilliseconds
    problem = statistics.problem
    lastFrameMilliseconds = statistics.lastFrameMilliseconds
    isHeldUp = statistics.isHeldUp
    self.hearsAlarmsTwice = hearsAlarmsTwice
  }
}
