// Carries a PairDialogue out: the keyboard and the screen on one side, the hub on the other. It decides nothing but how
// often it looks, and that whatever ends it (q, Ctrl-C, a closed terminal, an error) closes the hub's window.

import Foundation
import LocalAPI

struct PairConversation {
  let client: LocalAPIClient
  let texts: InstallerTexts
  let actor: String
  let seconds: Int

  /// Looks twice a second: a device that shows up is on the screen before the installer looks for it.
  private static let pollInterval = Duration.milliseconds(500)
  /// The longest silence of the hub, which may restart meanwhile. A longer one ends the conversation.
  private static let silenceMax = Duration.seconds(20)
  /// With fewer seconds left than this the window is lengthened while a device is at work, by as much as an installer needs to
  /// measure once.
  private static let secondsLow = 15
  private static let secondsMore = 90
  /// How often the countdown is said where no line can be rewritten, seconds.
  private static let plainCountdownSeconds = 10

  private enum End { case finished, interrupted }

  func run() async throws {
    Interruption.watch()
    let isLive = LiveDisplay.isPossible
    let keyboard = Keyboard(keyByKey: isLive)
    var display = LiveDisplay(isLive: isLive)
    var dialogue = PairDialogue(texts: texts, seconds: seconds)
    let end: End
    do {
      end = try await converse(&dialogue, &display, keyboard)
    } catch {
      display.clear()
      keyboard.restore()
      await close()
      throw error
    }
    display.clear()
    keyboard.restore()
    await close()
    if end == .interrupted, let unfinished = dialogue.unfinished {
      Terminal.print(texts("pair", "kept", ["name": texts.name(unfinished)]))
    }
    Terminal.print(texts("pair", "ended"))
    // A shell reports this code for a program that Ctrl-C ended.
    if end == .interrupted { throw CommandFailure(code: 130, nil) }
  }

  private func converse(_ dialogue: inout PairDialogue, _ display: inout LiveDisplay, _ keyboard: Keyboard) async throws -> End {
    try await texts.speaking { try await open(seconds) }
    display.say(dialogue.screen.opening(seconds: seconds))
    let clock = ContinuousClock()
    var nextPoll = clock.now
    var lastAnswer = clock.now
    var lastSaid = seconds
    var isSilent = false
    while true {
      if Interruption.isRequested { return .interrupted }
      if clock.now >= nextPoll {
        nextPoll = clock.now + Self.pollInterval
        do throws(LocalAPIError) {
          let pairing: API.Pairing = try await client.get("/v1/bluetooth/pairing", timeoutSeconds: 5)
          lastAnswer = clock.now
          isSilent = false
          if try await perform(dialogue.handle(.pairing(pairing)), &dialogue, &display) { return .finished }
          if dialogue.needsWindow, pairing.secondsLeft < Self.secondsLow, pairing.keepsWindow {
            try await open(Self.secondsMore)
          }
        } catch {
          guard Self.mayPass(error), clock.now - lastAnswer < Self.silenceMax else { throw texts.failure(error) }
          if !isSilent { display.say([texts("pair", "unreachable")]) }
          isSilent = true
        }
      }
      if display.isLive {
        display.show(dialogue.live + keyboard.editor.text)
      } else if case .searching = dialogue.state, abs(lastSaid - dialogue.secondsLeft) >= Self.plainCountdownSeconds {
        lastSaid = dialogue.secondsLeft
        display.say([dialogue.live])
      }
      switch keyboard.next(milliseconds: 100) {
      case .line(let line):
        // What was typed stays on the screen beside its question.
        if display.isLive, !line.isEmpty { display.say([dialogue.live + line]) }
        do throws(LocalAPIError) {
          if try await perform(dialogue.handle(.line(line)), &dialogue, &display) { return .finished }
        } catch { throw texts.failure(error) }
        if !display.isLive { display.say([dialogue.live]) }
      case .ended: return .interrupted
      case .typing, .nothing: break
      }
    }
  }

  /// Whether a later attempt may succeed by itself.
  private static func mayPass(_ error: LocalAPIError) -> Bool {
    switch error {
    case .notRunning, .noAnswer: true
    case .refused(let status, _): status == 503
    case .notPermitted, .unexpectedAnswer: false
    }
  }

  /// Carries actions out, and those that follow from the answers; true when the conversation has ended.
  private func perform(
    _ actions: [PairDialogue.Action], _ dialogue: inout PairDialogue, _ display: inout LiveDisplay
  ) async throws(LocalAPIError) -> Bool {
    var waiting = actions
    while !waiting.isEmpty {
      do throws(LocalAPIError) {
        switch waiting.removeFirst() {
        case .say(let lines): display.say(lines)
        case .choose(let address):
          let choice = API.ChooseDevice(address: address, profile: nil, actor: actor)
          waiting += dialogue.handle(.pairing(try await client.post("/v1/bluetooth/pairing/choose", choice)))
        case .answer(let number, let accept, let passkey):
          let answer = API.AnswerPrompt(number: number, accept: accept, passkey: passkey, actor: actor)
          waiting += dialogue.handle(.pairing(try await client.post("/v1/bluetooth/pairing/answer", answer)))
        case .loadPersons: waiting += dialogue.handle(.persons(try await client.get("/v1/patients")))
        case .register(let label, let profile, let address, let patient, let interval):
          let device = API.AddDevice(
            label: label, profile: profile, address: address, expectedIntervalSeconds: interval, patient: patient, actor: actor,
            reason: "pairing")
          waiting += dialogue.handle(.registered(try await client.post("/v1/devices", device)))
        case .open: try await open(seconds)
        case .end: return true
        }
      } catch {
        guard case .refused(let status, _) = error, status != 503 else { throw error }
        let failure = texts.failure(error)
        waiting += dialogue.handle(.refused([failure.message, failure.hint.map { "→ \($0)" }].compactMap(\.self)))
      }
    }
    return false
  }

  private func open(_ seconds: Int) async throws(LocalAPIError) {
    let _: API.Pairing = try await client.post("/v1/bluetooth/pairing", API.OpenPairing(seconds: seconds, actor: actor))
  }

  /// Closes the window. A hub that is gone has closed it by itself.
  private func close() async {
    let _: API.Pairing? = try? await client.post("/v1/bluetooth/pairing/close", API.Reason(actor: actor, reason: "pairing ended"))
  }
}
