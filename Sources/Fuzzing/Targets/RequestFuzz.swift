// Bodies of the local API: what callers send to the core, and what a core of another version answers.

import Foundation
import LocalAPI

enum RequestFuzz {
  /// Each type that is read from bytes, by its number in the first byte.
  private static let readers: [@Sendable (Data) -> Void] = [
    check(API.AddPatient.self), check(API.AddDevice.self), check(API.AssignDevice.self), check(API.EditPatient.self),
    check(API.EditDevice.self), check(API.ActOnAlert.self), check(API.EnterObservations.self), check(API.ChangePlan.self),
    check(API.RetryOutbox.self), check(API.OpenPairing.self), check(API.ChooseDevice.self), check(API.AnswerPrompt.self),
    check(API.RoleBeat.self), check([API.Receipt].self), check(API.Looks.self), check(API.IssueConsoleLink.self), check(API.Reason.self),
    check(API.Alert.self), check(API.Status.self), check(API.Committed.self), check(API.CorePulse.self),
    check([API.DestinationState].self), check(API.Explanation.self), check(API.Plan.self), check(API.Bluetooth.self),
  ]

  static var target: FuzzTarget {
    FuzzTarget(
      name: "request", summary: "the number of a type of the local API, and its JSON",
      seeds: { _ in readers.indices.flatMap { number in bodies.map { [UInt8(number)] + Array($0.utf8) } } },
      prepare: { _ in
        { bytes in
          var input = InputReader(bytes)
          input.choice(of: readers)?(Data(input.takeRest()))
        }
      })
  }

  /// As callers send them; each is tried under every type.
  private static let bodies = [
    #"{"name":"Kari Test","nationalID":"01810112345","controller":"974760673","actor":"n","reason":"vedtak"}"#,
    #"{"label":"Oximeter","profile":"bridge/thermometer","address":"t1","patient":"P1","expectedInterval":3600,"actor":"n"}"#,
    #"{"actor":"Nina Nurse","comment":"Fell asleep","cause":"c","action":"a","usefulness":"actionable","standing":{"state":"raised","level":1}}"#,
    #"{"patient":"P1","actor":"n","values":[{"code":"spo2","value":"93.5","unit":"%"}],"measuredAt":"2026-11-21T08:38:05.001Z"}"#,
    #"{"items":[{"key":"limits.spo2","redLow":"85","delaySeconds":60},{"key":"dose.3","time":"08:30","graceSeconds":1800}],"reason":"r","actor":"n"}"#,
    #"[{"destination":"fhir","lane":"routine","row":7,"key":"a/1","state":"delivered","remoteID":"x"}]"#,
    #"{"id":"a40e2b93-1ce3-8c58-bdf8-532617880f58","rule":"sos","priority":"high","state":"raised","change":"raised","text":"Ring"}"#,
    #"{"live":true,"ready":false,"durable":61,"at":"2026-11-21T08:38:05.120Z","problems":[{"kind":"linkDown","name":"street"}]}"#,
  ]

  /// What was read once is written and read again the same.
  private static func check<Value: Codable & SendableMetatype>(_ type: Value.Type) -> @Sendable (Data) -> Void {
    { data in
      guard let value = try? LocalAPIJSON.decode(type, from: data), let text = try? LocalAPIJSON.encode(value) else { return }
      let again = (try? LocalAPIJSON.decode(type, from: text)).flatMap { try? LocalAPIJSON.encode($0) }
      precondition(again == text, "\(type) does not read what it writes")
    }
  }
}
