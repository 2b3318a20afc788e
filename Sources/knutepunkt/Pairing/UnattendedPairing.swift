// `pair --yes`: one known device is paired without a person. Which step follows from what the hub reports is decided in
// a value without input or output; the rest carries it out and ends with an exit code that a script can use.

import Foundation
import LocalAPI

/// What to do with one device, decided from each report of the hub.
struct UnattendedPairing {
  enum Step: Equatable {
    case wait
    case choose
    case answer(number: UInt64, accept: Bool)
    /// A number that the device's user must type on the device. It is said once, and the hub is told that it was.
    case show(passkey: String, number: UInt64)
    case register
    case fail(Failure)
  }

  enum Failure: Equatable {
    case notFound, tooLong, noReading
    case comparison(passkey: String)
    case typing
    case problem(API.Word<API.Bluetooth.Problem>)
  }

  let address: String
  let waitsForReading: Bool
  let acceptsComparison: Bool

  /// The device as it was reported last. Once bonding has told its identity address, it goes by that.
  private(set) var candidate: API.Pairing.Candidate?
  private var hasChosen = false
  private var isPaired = false
  private var handled: UInt64?
  /// Why a prompt was refused, for when the hub has ended the pairing.
  private var refusal: Failure?

  init(address: String, waitsForReading: Bool, acceptsComparison: Bool) {
    self.address = address
    self.waitsForReading = waitsForReading
    self.acceptsComparison = acceptsComparison
  }

  mutating func next(_ pairing: API.Pairing) -> Step {
    guard hasChosen else {
      candidate = pairing.found.first { $0.address.uppercased() == address }
      if candidate != nil {
        hasChosen = true
        return .choose
      }
      return pairing.state == .known(.closed) ? .fail(.notFound) : .wait
    }
    candidate = pairing.chosenCandidate ?? candidate
    switch pairing.state {
    case .known(.prompt): return prompt(pairing.prompt)
    case .known(.testing):
      isPaired = true
      return waitsForReading ? .wait : .register
    case .known(.ready): return .register
    case .known(.failed): return .fail(refusal ?? .problem(pairing.problem ?? .unknown("unknown")))
    case .known(.closed):
      return .fail(refusal ?? (isPaired ? .noReading : .tooLong))
    case .known(.searching), .known(.connecting), .known(.pairing): return .wait
    // A word of a newer hub: waiting for it would be for ever.
    case .unknown(let word): return .fail(.problem(.unknown(word)))
    }
  }

  private mutating func prompt(_ prompt: API.Pairing.Prompt?) -> Step {
    guard let prompt, prompt.number != handled else { return .wait }
    handled = prompt.number
    switch prompt.kind {
    case .known(.display): return .show(passkey: prompt.passkey ?? "", number: prompt.number)
    case .known(.confirm):
      if !acceptsComparison { refusal = .comparison(passkey: prompt.passkey ?? "") }
      return .answer(number: prompt.number, accept: acceptsComparison)
    // Nobody is there who could type, or answer what only a newer hub asks.
    case .known(.enter), .unknown:
      refusal = .typing
      return .answer(number: prompt.number, accept: false)
    }
  }
}

extension API.Pairing {
  /// What is known of the chosen device now. Its address may be another than that under which it was chosen: a device with
  /// changing addresses goes by its identity once it is bonded.
  var chosenCandidate: Candidate? { chosen.flatMap { chosen in found.first { $0.address == chosen } } }
}

/// Carries an UnattendedPairing out.
struct UnattendedRun {
  let client: LocalAPIClient
  let texts: InstallerTexts
  let actor: String
  let seconds: Int
  let profile: String?
  let patient: String?
  let label: String?
  /// The longest silence in seconds; nil: the profile's.
  var interval: UInt32?

  /// What `--json` prints. Every key is always there.
  struct Result: Encodable {
    var device: String
    var profile: String
    var patient: String?
    var reading: String?

    private enum CodingKeys: String, CodingKey { case device, profile, patient, reading }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(device, forKey: .device)
      try container.encode(profile, forKey: .profile)
      try container.encode(patient, forKey: .patient)
      try container.encode(reading, forKey: .reading)
    }
  }

  func run(_ pairing: UnattendedPairing) async throws -> Result {
    Interruption.watch()
    do {
      let result = try await texts.speaking { try await pair(pairing) }
      await close()
      return result
    } catch {
      await close()
      throw error
    }
  }

  private func pair(_ start: UnattendedPairing) async throws -> Result {
    var pairing = start
    try await checkPatient()
    var report: API.Pairing = try await client.post("/v1/bluetooth/pairing", API.OpenPairing(seconds: seconds, actor: actor))
    while true {
      if Interruption.isRequested { throw CommandFailure(code: 130, nil) }
      switch pairing.next(report) {
      case .wait:
        try await Task.sleep(for: .milliseconds(500))
        report = try await client.get("/v1/bluetooth/pairing", timeoutSeconds: 5)
      case .show(let passkey, let number):
        Terminal.error(texts("pair", "display", ["passkey": TypedAnswer.grouped(passkey)]))
        report = try await answer(number, accept: true)
      case .choose:
        report = try await client.post(
          "/v1/bluetooth/pairing/choose", API.ChooseDevice(address: pairing.address, profile: profile, actor: actor))
      case .answer(let number, let accept): report = try await answer(number, accept: accept)
      case .register: return try await register(pairing, report.readings)
      case .fail(let failure): throw self.failure(failure, address: pairing.address)
      }
    }
  }

  private func answer(_ number: UInt64, accept: Bool) async throws(LocalAPIError) -> API.Pairing {
    try await client.post("/v1/bluetooth/pairing/answer", API.AnswerPrompt(number: number, accept: accept, passkey: nil, actor: actor))
  }

  /// Checks the person before anything is paired: a slip in the id must not leave half a device.
  private func checkPatient() async throws {
    guard let patient else { return }
    let everybody: [API.Patient] = try await client.get("/v1/patients")
    guard !everybody.contains(where: { $0.id == patient && $0.ended == nil }) else { return }
    throw CommandFailure(
      code: ExitCodes.data, texts("unattended", "noPerson", ["patient": patient]), hint: texts("unattended", "noPersonNext"))
  }

  private func register(_ pairing: UnattendedPairing, _ readings: [API.Pairing.Reading]) async throws -> Result {
    guard let candidate = pairing.candidate else { throw failure(.notFound, address: pairing.address) }
    var device: API.Device
    if let known = candidate.device {
      let details: API.DeviceDetails = try await client.get("/v1/devices/\(known)")
      device = details.device
      if let patient, device.patient != patient {
        device = try await client.post(
          "/v1/devices/\(known)/assign", API.AssignDevice(patient: patient, actor: actor, reason: "pairing"))
      }
    } else {
      let name = label ?? PairScreen(texts: texts).defaultLabel(candidate)
      device = try await client.post(
        "/v1/devices",
        API.AddDevice(
          label: name, profile: profile ?? candidate.profile, address: candidate.address, expectedIntervalSeconds: interval,
          patient: patient,
          actor: actor, reason: "pairing"))
    }
    // The reading in the API's own words: a script must not depend on the hub's language.
    let reading = readings.map { "\($0.name) \($0.text)" }.joined(separator: ", ")
    return Result(device: device.id, profile: device.profile, patient: device.patient, reading: reading.isEmpty ? nil : reading)
  }

  private func failure(_ failure: UnattendedPairing.Failure, address: String) -> CommandFailure {
    let values = ["address": address, "time": texts.span(Int64(seconds))]
    func told(_ code: Int32, _ name: String, _ more: [String: String] = [:]) -> CommandFailure {
      CommandFailure(
        code: code, texts("unattended", name, values.merging(more) { _, new in new }), hint: texts("unattended", name + "Next"))
    }
    switch failure {
    case .notFound: return told(ExitCodes.temporary, "notFound")
    case .tooLong: return told(ExitCodes.temporary, "tooLong")
    case .noReading: return told(ExitCodes.temporary, "noReading")
    case .comparison(let passkey): return told(ExitCodes.data, "comparison", ["passkey": TypedAnswer.grouped(passkey)])
    case .typing: return told(ExitCodes.data, "typing")
    case .problem(let what):
      let problem = texts.problem(what)
      return CommandFailure(code: what == .known(.cannotConnect) ? ExitCodes.temporary : ExitCodes.data, problem.text, hint: problem.next)
    }
  }

  private func close() async {
    let _: API.Pairing? = try? await client.post("/v1/bluetooth/pairing/close", API.Reason(actor: actor, reason: "pairing ended"))
  }
}
