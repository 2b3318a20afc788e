// One alert transition as a webhook's body, and the signature that lets the receiver trust it.
//
// The event's id is derived from the hub's id and the delivery key, so a resend is recognisable. Times are UTC, `order` rises
// within an alert (a receiver that got a later one may drop an earlier one). What the sharing agreement withholds is absent.
// docs/webhook.md says what each member means; members may be added, never changed.

internal import Crypto
internal import Forwarding
internal import VitalSigns

/// A body with its id.
struct WebhookEvent: Sendable, Hashable {
  var id: String
  var body: String

  /// Nil for anything but an alert.
  init?(_ record: DeliveryRecord, hubID: String) {
    guard case .alert(let record) = record else { return nil }
    let alert = record.transition
    id = Self.uuid("\(hubID)\n\(record.key.rawValue)")
    let json: JSONValue = [
      "id": .string(id),
      "version": .integer(1),
      "alertId": .string(alert.id.description),
      "kind": .string(alert.kind.key),
      "rule": .string(alert.rule.key),
      "priority": .string(alert.priority.key),
      "state": .string(alert.state.key),
      "previousState": .string(alert.previous.key),
      "level": .integer(Int64(alert.level)),
      "order": .integer(record.instant.rawValue),
      "raisedAt": .string(record.raisedAt.description),
      "occurredAt": .string(record.occurredAt.description),
      "timeUncertain": record.isTimeUncertain ? .boolean(true) : nil,
      "technical": .boolean(alert.rule.isTechnical),
      "controller": .string(record.controller),
      "patient": record.patient.map { Self.patient($0, alert.rule) },
      "device": record.device.map { ["hubDevice": .string($0.hubDevice.description), "label": .string($0.label)] },
      "revision": .integer(Int64(alert.revision)),
      "reasons": .array(Self.reasons(alert)),
      "position": record.position.map(Self.position),
      "handling": record.handling.map(Self.handling),
      "text": ["nb": .string(record.text.nb), "nn": .string(record.text.nn), "en": .string(record.text.en)],
    ]
    body = json.text
  }

  /// The rules that were broken, with their numbers as a machine reads them. The first is the alert's own.
  private static func reasons(_ alert: AlertTransition) -> [JSONValue] {
    let own = AlertReason(rule: alert.rule, value: alert.value, limit: alert.limit, upper: alert.upper, subject: alert.subject)
    return [own, alert.also].compactMap(\.self).map(reason)
  }

  private static func reason(_ reason: AlertReason) -> JSONValue {
    switch reason.rule {
    case .news2SingleThree:
      // The points of one parameter: whether the sum is complete is not known here, and must not seem to be.
      let parameter = UInt8(exactly: reason.subject).flatMap(NEWS2Parameter.init(rawValue:))
      return [
        "rule": .string(reason.rule.key), "parameter": parameter.map { .string($0.key) }, "value": .integer(Int64(reason.value)),
        "unit": "{score}",
      ]
    case .news2High, .news2Medium:
      // A score: what is known at least and at most. Equal when nothing is missing.
      return [
        "rule": .string(reason.rule.key), "value": .integer(Int64(reason.value)), "upper": .integer(Int64(reason.upper)),
        "complete": .boolean(reason.upper <= reason.value), "unit": "{score}",
      ]
    case .planRed, .planYellow:
      guard let signal = UInt8(exactly: reason.subject).flatMap(PlanSignal.init(rawValue:)) else {
        return ["rule": .string(reason.rule.key)]
      }
      return [
        "rule": .string(reason.rule.key), "signal": .string(signal.key),
        "value": .decimal(Quantity(mantissa: Int64(reason.value), exponent: signal.stepExponent)),
        "limit": .decimal(Quantity(mantissa: Int64(reason.limit), exponent: signal.stepExponent)), "unit": .string(signal.unit.code),
      ]
    case .geofenceExit:
      return [
        "rule": .string(reason.rule.key), "value": .integer(Int64(reason.value)), "limit": .integer(Int64(reason.limit)), "unit": "m",
      ]
    default: return ["rule": .string(reason.rule.key)]
    }
  }

  private static func position(_ position: AlertRecord.Position) -> JSONValue {
    let accuracy = position.fix.accuracyMetres
    return [
      "latitude": .decimal(Quantity(mantissa: Int64(position.fix.latitudeE7), exponent: -7)),
      "longitude": .decimal(Quantity(mantissa: Int64(position.fix.longitudeE7), exponent: -7)),
      "accuracyMetres": accuracy == LocationFix.accuracyUnknown ? nil : .integer(Int64(accuracy)),
      "at": .string(position.at.description),
    ]
  }

  private static func handling(_ handling: AlertRecord.Handling) -> JSONValue {
    [
      "actor": handling.actor.map(JSONValue.string), "comment": handling.comment.map(JSONValue.string),
      "cause": handling.cause.map(JSONValue.string), "measure": handling.measure.map(JSONValue.string),
    ]
  }

  /// The first 16 bytes of SHA-256 as a version 8 UUID (RFC 9562): the rule of every wire identity of this product.
  private static func uuid(_ name: String) -> String { UUIDText.version8(SHA256.hash(data: Array(name.utf8))) }

  /// Whether a text has the form of an event's id.
  static func isEventID(_ text: String) -> Bool {
    let characters = Array(text.utf8)
    return characters.count == 36
      && characters.enumerated().allSatisfy { index, byte in
        [8, 13, 18, 23].contains(index)
          ? byte == 0x2D : byte >= 0x30 && byte <= 0x39 || byte >= 0x41 && byte <= 0x46 || byte >= 0x61 && byte <= 0x66
      } && characters[14] == 0x38
  }

  /// `v1=` and the hexadecimal HMAC-SHA256 over `timestamp.id.body`, one for each secret, the newest first.
  ///
  /// Two while a secret is being changed: the receiver accepts either, so neither side needs to switch at the same moment.
  static func signature(timestamp: Int64, id: String, body: String, secrets: [[UInt8]]) -> String {
    let message = Array("\(timestamp).\(id).\(body)".utf8)
    return secrets.map { secret in
      let code = HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: secret))
      return "v1=" + Hexadecimal.text(code)
    }.joined(separator: ",")
  }
}
