// The bytes of the local API's JSON, written out: they are what earlier versions, scripts and the page docs/local-api.md know. A type may
// hold its values as it likes; what it reads from these texts it must write again, byte for byte.

import Foundation
import LocalAPI
import Testing

@Suite("The wire's bytes") struct GoldenWireTests {
  /// One value's JSON and the type that reads it.
  struct Golden: Sendable, CustomTestStringConvertible {
    var json: String
    /// The JSON after it was read and written again.
    var again: @Sendable () throws -> String
    var testDescription: String { json }

    init<Value: Codable & Sendable>(_ type: Value.Type, _ json: String) {
      self.json = json
      again = { String(decoding: try LocalAPIJSON.encode(LocalAPIJSON.decode(Value.self, from: Data(json.utf8))), as: UTF8.self) }
    }
  }

  @Test("What is read is written again, byte for byte", arguments: alerts + explanations + plans + operations + pairing)
  func again(_ golden: Golden) throws { #expect(try golden.again() == golden.json) }

  private static func alert(
    rule: String = "sos", priority: String = "high", state: String = "raised", change: String = "raised", with transition: String = ""
  ) -> Golden {
    Golden(
      API.Alert.self,
      #"{"actor":"Ola N.","change":"\#(change)","changeID":"a/1/2/40/0","changedAt":"2026-11-21T08:38:05.001Z","comment":"c","device":"D1","#
        + #""escalatesAt":"2026-11-21T08:40:05.001Z","firstCause":18446744073709551615,"id":"a40e2b93-1ce3-8c58-bdf8-532617880f58","level":1,"#
        + #""limit":-5,"patient":"P1","patientName":"Kari","priority":"\#(priority)","raisedAt":"2026-11-21T08:38:05.001Z","rule":"\#(rule)","#
        + #""state":"\#(state)","subject":4,"text":"Ring / «nå»"\#(transition),"value":7}"#)
  }

  static let alerts: [Golden] =
    [
      "sos", "fall", "news2High", "news2Medium", "news2SingleThree", "planRed", "planYellow", "doseMissed", "doseRefused",
      "dispenserEmpty", "doorOpenAtNight", "lockJammed", "geofenceExit", "signalLoss", "lowBattery", "tamper", "jam", "notUnderstood",
      "deviceClockWrong", "bondLost", "notMeasuring", "deadLetter", "nobodyOnDuty", "storeFailing", "linkDown", "destinationDown",
      "bluetoothDown", "alertRoomFull", "journalLost", "roleDown", "registryFull", "clockDoubtful", "recordsDropped", "hubDoubled",
      "aRuleOfTomorrow", "",
    ].map { alert(rule: $0) }
    + ["low", "medium", "high", "highest"].map { alert(priority: $0) }
    + ["suspected", "raised", "notified", "acknowledged", "responding", "resolved", "cleared", "parked"].map { alert(state: $0) }
    + [
      "suspected", "raised", "notified", "acknowledged", "responding", "resolved", "cleared", "escalated", "retriggered", "upgraded",
      "moved",
    ].map { alert(change: $0) }
    + [
      Golden(
        API.Alert.self,
        #"{"change":"raised","changeID":"","changedAt":"x","firstCause":0,"id":"none","level":0,"limit":0,"priority":"low","raisedAt":"x","#
          + #""rule":"sos","state":"raised","subject":0,"text":"","value":0}"#),
      alert(
        with: #","transition":{"actor":7,"also":{"limit":2147483647,"rule":20,"subject":5,"upper":0,"value":-2147483648},"#
          + #""deadline":9223372036854775807,"device":4294967295,"instant":-1,"kind":10,"level":9,"patient":1,"previous":2,"priority":2,"#
          + #""raisedAt":-9223372036854775808,"raisedWall":10,"revision":65535,"rule":11,"state":7,"upper":-2147483648,"wall":0}"#),
      // Numbers of a newer core, and none of what an earlier one did not tell.
      alert(
        with: #","transition":{"actor":0,"also":{"limit":0,"rule":250,"subject":0,"upper":0,"value":0},"deadline":0,"device":0,"#
          + #""instant":0,"kind":255,"level":0,"patient":0,"previous":0,"priority":4,"raisedAt":0,"raisedWall":0,"rule":0,"state":8,"wall":1}"#
      ),
    ]

  static let explanations: [Golden] = [
    Golden(
      API.Explanation.self,
      #"{"evidence":[{"device":"D1","measuredAt":"x","points":3,"quality":["late"],"receivedAt":"y","sequence":9,"unit":"%","value":"88","#
        + #""what":"spo2"}],"history":[{"actor":"Ola","at":"x","change":"acknowledged","comment":"c","level":0,"priority":"medium","#
        + #""state":"acknowledged"},{"at":"z","change":"moved","level":2,"priority":"highest","state":"parked"}],"reason":"why","#
        + #""rule":"planRed","subject":"a40e2b93-1ce3-8c58-bdf8-532617880f58"}"#),
    Golden(API.Explanation.self, #"{"evidence":[],"history":[],"reason":"why","rule":"aRuleOfTomorrow","subject":"a"}"#),
    Golden(
      API.Explanation.self,
      #"{"evidence":[],"history":[],"reason":"why","score":{"at":"x","band":"lowMedium","changeSinceLast":1,"complete":true,"high":3,"#
        + #""low":3,"missing":[],"points":{"spo2":3},"scale":1},"subject":"P7"}"#),
  ]

  private static let items = [
    #"{"kind":"spo2Scale","scale":2}"#, #"{"kind":"spo2Scale"}"#, #"{"kind":"spo2Scale","scale":-300}"#,
    #"{"kind":"oxygen","oxygen":"air"}"#, #"{"kind":"oxygen","oxygen":"oxygen"}"#, #"{"kind":"oxygen","oxygen":"unknown"}"#,
    #"{"kind":"oxygen","oxygen":"helium"}"#, #"{"kind":"oxygen"}"#,
    #"{"delaySeconds":60,"hysteresis":"0.2","kind":"limits","redHigh":"39.1","redLow":"35","signal":"temperature","yellowHigh":"38.0","#
      + #""yellowLow":"36"}"#,
    #"{"kind":"limits","signal":"spo2"}"#, #"{"kind":"limits","signal":"smell"}"#, #"{"kind":"limits"}"#,
    #"{"kind":"validity","parameter":"oxygen","seconds":3600}"#, #"{"kind":"validity","parameter":"smell"}"#, #"{"kind":"validity"}"#,
    #"{"graceSeconds":1800,"kind":"dose","slot":3,"time":"08:00"}"#, #"{"kind":"dose","slot":-1}"#, #"{"kind":"dose"}"#,
    #"{"from":"22:00","kind":"nightWatch","openDelaySeconds":600,"to":"06:00"}"#, #"{"kind":"nightWatch"}"#,
    #"{"confirmingFixes":2,"kind":"geofence","latitude":"59.9139","longitude":"10.7522","radiusMetres":200,"staleAfterSeconds":600}"#,
    #"{"kind":"geofence"}"#,
    #"{"enabled":true,"kind":"news2Alerts"}"#, #"{"enabled":false,"kind":"news2Alerts"}"#, #"{"kind":"news2Alerts"}"#,
    #"{"kind":"itemOfTomorrow","seconds":5,"signal":"pulse"}"#, #"{"kind":""}"#,
  ]

  static let plans: [Golden] =
    items.map { Golden(API.PlanItem.self, $0) } + [
      Golden(API.ChangePlan.self, #"{"actor":"a","items":[\#(items.joined(separator: ","))],"reason":"r","replace":true}"#),
      Golden(
        API.Plan.self, #"{"items":[{"author":"a","item":\#(items[0]),"reason":"r","since":"x"}],"patient":"P1"}"#),
    ]

  private static func bluetooth(_ state: String) -> Golden {
    Golden(
      API.Bluetooth.self,
      #"{"adapter":{"address":"C0:FF:EE:00:18:22","discovering":true,"name":"hci0","powered":true},"available":true,"devices":[{"battery":50,"#
        + #""bonded":true,"connected":false,"firmware":"1","id":"D1","label":"l","lastSeen":"x","problem":"bondLost","reconnects":1,"#
        + #""refused":{"late":1},"rssi":-60,"state":"\#(state)"}],"matchRules":3,"reason":"noAdapter","scanRestarts":0,"#
        + #""slots":{"max":5,"used":1},"strangers":2}"#)
  }

  private static func problem(_ kind: String, effect: String = "deaf") -> Golden {
    Golden(
      API.Problem.self,
      #"{"count":3,"detail":"d","effect":"\#(effect)","isSettling":true,"kind":"\#(kind)","name":"n","next":"x","since":"s","text":"t"}"#)
  }

  private static func status(store: String = "writing", scheduling: String = "fifo") -> Golden {
    Golden(
      API.Status.self,
      #"{"controller":"c","destinations":[],"devices":1,"durable":2,"hub":"h","intakeDepth":0,"links":[],"live":true,"memoryLocked":true,"#
        + #""notes":[],"now":"x","observations":3,"openAlerts":4,"patients":5,"roles":{"core":"live","forward":"no sign of life"},"#
        + #""scheduling":"\#(scheduling)","sequence":6,"shed":7,"startedAt":"x","store":"\#(store)","storeError":"e","summary":"s","#
        + #""version":"0"}"#)
  }

  static let operations: [Golden] =
    [
      "linkDown", "bluetoothDown", "bondLost", "bondsLost", "destinationDown", "roleDown", "deadLetter", "callRefused", "portClosed",
      "backupOverdue", "nobodyCalled", "storeFailing", "storeFull", "journalBehind", "journalLost", "coreStill", "nobodyOnDuty",
      "alertRoomFull",
      "registryFull", "clockDoubtful", "recordsDropped", "hubDoubled", "sos", "problemOfTomorrow", "",
    ].map { problem($0) }
    + ["deaf", "mute", "unwatched", "unstored", "partial", "harmOfTomorrow"].map { problem("linkDown", effect: $0) }
    + [
      "idle", "waiting", "connecting", "pairing", "reading", "settling", "connected", "listening", "problem", "stateOfTomorrow",
    ].map(bluetooth)
    + ["connected", "connecting", "waiting", "stopped", "asleep"].map {
      Golden(
        API.Status.Link.self,
        #"{"lastError":"e","name":"n","received":1,"reconnects":2,"refused":{"late":1},"since":"x","state":"\#($0)"}"#)
    }
    + ["fhir", "webhook", "pigeon"].map {
      Golden(
        API.Status.Destination.self,
        #"{"dead":1,"delivered":2,"health":{"name":"n","state":"well"},"kind":"\#($0)","name":"n","pendingAlarms":3,"pendingRoutine":4}"#)
    }
    + [
      ("alarm", "alert", "pending"), ("routine", "observation", "dead"), ("routine", "score", "dead"), ("alarm", "dose", "pending"),
      ("routine", "location", "dead"), ("express", "letter", "parked"),
    ].map {
      Golden(
        API.OutboxRow.self,
        #"{"attempts":1,"createdAt":"x","destination":"d","id":5,"kind":"\#($0.1)","lane":"\#($0.0)","lastError":"e","reference":"row 5","#
          + #""state":"\#($0.2)"}"#)
    }
    + ["forward", "console", "roleOfTomorrow"].map { Golden(API.RoleBeat.self, #"{"role":"\#($0)"}"#) }
    + ["writing", "shedding", "emergency", "failing", "storeOfTomorrow"].map { status(store: $0) }
    + ["fifo", "ordinary", "schedulingOfTomorrow"].map { status(scheduling: $0) }
    + ["none", "low", "lowMedium", "medium", "high", "incomplete", "bandOfTomorrow"].map {
      Golden(
        API.Score.self,
        #"{"at":"x","band":"\#($0)","changeOver24Hours":-1,"changeSinceLast":1,"complete":true,"high":9,"low":3,"missing":["pulse"],"#
          + #""points":{"spo2":3},"scale":2}"#)
    }
    + ["staff", "self", "originOfTomorrow"].map {
      Golden(API.EnterObservations.self, #"{"actor":"a","origin":"\#($0)","patient":"P1","values":{"pulse":"70"}}"#)
    }
    + ["notPaired", "cannotConnect", "problemOfTomorrow"].map {
      Golden(
        API.DeviceDetails.self,
        #"{"adapterProblem":"\#($0)","device":{"address":"a","expectedIntervalSeconds":60,"id":"D1","label":"l","liveness":"live","#
          + #""profile":"p"},"model":"m","transport":"mqtt","vendor":"v"}"#)
    }
    + ["live", "silent", "never", "removed", "asleep"].map {
      Golden(
        API.Device.self,
        #"{"address":"a","expectedIntervalSeconds":60,"id":"D1","label":"l","lastSeen":"x","liveness":"\#($0)","patient":"P1","profile":"p"}"#
      )
    }

  private static func pairing(_ state: String, _ rest: String = "") -> Golden {
    Golden(
      API.Pairing.self,
      #"{"chosen":"C0:FF:EE:00:18:22","found":[],"language":"nb"\#(rest),"readings":[{"name":"spo2","quality":[],"text":"97 %"}],"#
        + #""secondsLeft":5,"state":"\#(state)","strangers":1}"#)
  }

  static let pairing: [Golden] =
    ["closed", "searching", "connecting", "pairing", "prompt", "testing", "ready", "failed", "stateOfTomorrow"].map { pairing($0) }
    + ["display", "confirm", "enter", "sing"].map {
      pairing("prompt", #","problem":"notPaired","prompt":{"kind":"\#($0)","number":4,"passkey":"000123"}"#)
    }
    + ["signals", "connected", "cannot", "sings"].map { Golden(API.Identified.self, #"{"rssi":-60,"what":"\#($0)"}"#) }
    + ["connects", "listens", "sings"].map { Golden(API.TestStarted.self, #"{"sequence":7,"what":"\#($0)"}"#) }
}
