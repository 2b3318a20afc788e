// The `bluetooth:` section: what it compiles to, what stands in for what is left out, and how its mistakes are told.

import DeviceProfile
import Foundation
import ProfileCatalogue
import Testing

enum SessionSample {
  static let section = """
    bluetooth:
      stay: session
      session:
        - {setClock: 2A2B, optional: true}
        - {subscribe: 2A5F}
        - {wait: 5 s, atMost: 60 s}
        - disconnect

    """

  /// The sample of the grammar's tests with a `bluetooth:` section, which begins in line 8.
  static func text(_ section: String) -> String {
    Sample.good.replacing("observations:\n", with: section + "observations:\n", maxReplacements: 1)
  }

  static func profile(_ text: String) throws -> DeviceProfile {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("session-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let file = folder.appendingPathComponent("device.yaml")
    try Data(text.utf8).write(to: file)
    return try ProfileCatalogue.load(file: file)
  }
}

@Suite struct SessionGrammarTests {
  @Test func everyKeyAndStep() throws {
    let section = """
      bluetooth:
        security: passkey
        staleBond: renew
        notifications: start
        stay: session
        priority: high
        leavesAfterBonding: true
        quiet: 2 min
        session:
          - {setClock: 2A2B, optional: true}
          - {setClock: 2A08, service: 1810}
          - {setClock: 233BF001-5A34-1B6D-975C-000D5690ABE4, form: dateTime}
          - {read: 2A60}
          - {write: 2A06, hex: "02 00 E1", response: false}
          - {write: 2A06, hex: "01"}
          - {subscribe: 2A5F, notifications: acquire}
          - {fetchRecords: 2A52, from: 2A5F, context: 2A5F, delete: upToSequence, sequenceAt: 1, optional: true}
          - {fetchRecords: 2A52, from: 2A5F}
          - {wait: 90 s}
          - disconnect: true

      """
    let plan = try #require(try SessionSample.profile(SessionSample.text(section)).bluetooth)
    let (clock, date, racp, plx) = (
      BluetoothUUID(short: 0x2A2B), BluetoothUUID(short: 0x2A08), BluetoothUUID(short: 0x2A52), BluetoothUUID(short: 0x2A5F)
    )
    let own = try #require(BluetoothUUID("233bf001-5a34-1b6d-975c-000d5690abe4"))
    let alert = BluetoothUUID(short: 0x2A06)
    #expect(
      plan
        == BluetoothSessionPlan(
          security: .passkey, staleBond: .renew, notifications: .start, stay: .session, priority: .high, leavesAfterBonding: true,
          quietSeconds: 120,
          steps: [
            BluetoothSessionStep(.setClock(.currentTime), characteristic: clock, isOptional: true),
            BluetoothSessionStep(.setClock(.dateTime), characteristic: date, service: BluetoothUUID(short: 0x1810)),
            BluetoothSessionStep(.setClock(.dateTime), characteristic: own),
            BluetoothSessionStep(.read, characteristic: BluetoothUUID(short: 0x2A60)),
            BluetoothSessionStep(.write(bytes: [2, 0, 0xE1], awaitsResponse: false), characteristic: alert),
            BluetoothSessionStep(.write(bytes: [1], awaitsResponse: true), characteristic: alert),
            BluetoothSessionStep(.subscribe(mode: .acquire), characteristic: plx),
            BluetoothSessionStep(
              .fetchRecords(.init(records: plx, context: plx, deletion: .upToSequence, sequenceOffset: 1)), characteristic: racp,
              isOptional: true),
            BluetoothSessionStep(.fetchRecords(.init(records: plx, deletion: .never)), characteristic: racp),
            BluetoothSessionStep(.wait(quietSeconds: 90, limitSeconds: 90)),
            BluetoothSessionStep(.disconnect),
          ]))
  }

  @Test func whatIsLeftOut() throws {
    let subscribe = BluetoothSessionStep(.subscribe(mode: nil), characteristic: BluetoothUUID(short: 0x2A5F))
    let plain = try #require(try SessionSample.profile(Sample.good).bluetooth)
    #expect(plain == BluetoothSessionPlan(steps: [subscribe]))
    #expect((plain.security, plain.staleBond, plain.stay, plain.priority) == (.bond, .operator, .session, .routine))
    let liveness = Sample.good.replacing(
      "{expectedInterval: 10 min}", with: "{expectedInterval: 10 min, continuous: true, safetyAlarm: true}")
    let alarm = try #require(try SessionSample.profile(liveness).bluetooth)
    #expect((alarm.stay, alarm.priority) == (.held, .alarm))
  }

  @Test func transportsWithoutConnection() throws {
    #expect(try Shipped.profile("zigbee2mqtt/sos-button").bluetooth == nil)
    let button = try #require(try Shipped.profile("bthome/sos-button").bluetooth)
    #expect(button == BluetoothSessionPlan(security: .none, priority: .alarm))
    #expect(try Shipped.profile("bthome/sensor").bluetooth?.priority == .routine)
    let mqtt = try Sample.diagnostics(SessionSample.text("bluetooth: {priority: high}\n").replacing("bleGatt", with: "mqttBinary"))
    #expect(mqtt.contains("device.yaml:8:1: `bluetooth` with mqttBinary; allowed: with bleGatt and bleAdvertisement"), "\(mqtt)")
    let beacon = try Sample.diagnostics(SessionSample.text("bluetooth: {security: bond}\n").replacing("bleGatt", with: "bleAdvertisement"))
    #expect(
      beacon.contains("device.yaml:8:13: unknown key `security` in bluetooth with bleAdvertisement; allowed: priority"), "\(beacon)")
  }

  /// The devices that other issues are built on keep the treatment that they need.
  @Test func shippedPlans() throws {
    func plan(_ id: String) throws -> BluetoothSessionPlan { try #require(try Shipped.profile(id).bluetooth) }
    #expect(try plan("aandd/ua-651").leavesAfterBonding)
    #expect(try plan("aandd/ua-651").steps.last?.action == .disconnect)
    #expect(try plan("omron/hem-9200t").staleBond == .renew)
    #expect(try plan("generic/ble-sos-button").priority == .alarm)
    #expect(try plan("sig/heart-rate").stay == .held)
    for profile in try Shipped.catalogue().profiles where profile.transport == .bleGatt {
      let plan = try #require(profile.bluetooth)
      #expect(!plan.steps.isEmpty, "\(profile.id)")
      if profile.id != "omron/hem-9200t" { #expect(plan.staleBond == .operator, "\(profile.id) would bond anew without a person") }
    }
  }

  /// The session that the README works out is the one that is shipped.
  @Test func theWorkedSessionWorks() throws {
    let page = try String(contentsOf: Shipped.folder.appendingPathComponent("README.md"), encoding: .utf8)
    let blocks = page.components(separatedBy: "```yaml\n").dropFirst().compactMap { $0.components(separatedBy: "```").first }
    let example = try #require(blocks.first { $0.contains("leavesAfterBonding") })
    let section = try #require(example.components(separatedBy: "\n\n").last)
    let file = try String(contentsOf: Shipped.folder.appendingPathComponent("aandd/ua-651.yaml"), encoding: .utf8)
    let start = try #require(file.range(of: "bluetooth:\n"))
    let end = try #require(file.range(of: "decode:\n"))
    let bytes = "decode:\n  2A35: [{read: u8, as: flags}]\nselfTest:\n  - {name: short, hex: \"\", rejected: endOfFrame}\n"
    #expect(start.lowerBound < end.lowerBound)
    let profile = try SessionSample.profile(file[..<start.lowerBound] + section + bytes)
    #expect(profile.bluetooth == (try Shipped.profile("aandd/ua-651").bluetooth))
    #expect(profile.bluetooth?.steps.count == 6)
  }

  @Test func theSampleIsGood() throws {
    #expect(try Sample.diagnostics(SessionSample.text(SessionSample.section)) == [])
  }

  @Test(arguments: [
    Mistake(
      replace: "stay: session", with: "security: open",
      expected: "device.yaml:9:13: `security` is `open`; allowed: none, bond, passkey"),
    Mistake(
      replace: "stay: session", with: "bonding: true",
      expected:
        "device.yaml:9:3: unknown key `bonding` in bluetooth; allowed: security, staleBond, notifications, stay, priority, leavesAfterBonding, quiet, session"
    ),
    Mistake(
      replace: "stay: session", with: "quiet: 20 min", expected: "device.yaml:9:10: `quiet` is `20 min`; allowed: from 1 s to 10 min"),
    Mistake(
      replace: "stay: session", with: "security: none\n  staleBond: renew",
      expected: "device.yaml:10:3: `staleBond` with security none; allowed: with security bond or passkey"),
    Mistake(
      replace: "stay: session", with: "stay: held", expected: "device.yaml:14:7: `disconnect` with stay held; allowed: with stay session"),
    Mistake(
      replace: "{subscribe: 2A5F}", with: "{subscribe: 2A5F, read: 2A5F}",
      expected:
        "device.yaml:12:7: the step has read and subscribe; allowed: exactly one of setClock, read, write, subscribe, fetchRecords, wait, disconnect"
    ),
    Mistake(
      replace: "{subscribe: 2A5F}", with: "{optional: true}",
      expected:
        "device.yaml:12:7: the step has no verb; allowed: exactly one of setClock, read, write, subscribe, fetchRecords, wait, disconnect"),
    Mistake(
      replace: "{subscribe: 2A5F}", with: "{subscribe: 2A5F, hex: \"00\"}",
      expected: "device.yaml:12:25: `hex` stands beside `subscribe`; allowed there: notifications, service, optional"),
    Mistake(
      replace: "{subscribe: 2A5F}", with: "{notify: 2A5F}",
      expected:
        "device.yaml:12:8: unknown key `notify` in a step; allowed: setClock, read, write, subscribe, fetchRecords, wait, disconnect, service, optional, form, hex, response, notifications, from, context, delete, sequenceAt, atMost"
    ),
    Mistake(
      replace: "{subscribe: 2A5F}", with: "{subscribe: 2A35}",
      expected: "device.yaml:12:19: `subscribe` is 2A35, which decode does not read; allowed: 2A5F"),
    Mistake(
      replace: "{subscribe: 2A5F}", with: "{subscribe: 2A5}",
      expected: "device.yaml:12:19: `subscribe` is `2A5`; allowed: a UUID such as 2A35 or the form of 36 characters"),
    Mistake(
      replace: "{subscribe: 2A5F}", with: "{read: 2A60}",
      expected: "device.yaml:22:3: no step of `session` brings 2A5F; allowed: subscribe, read or fetchRecords for each frame"),
    Mistake(
      replace: "{subscribe: 2A5F}", with: "{fetchRecords: 2A52}",
      expected: "device.yaml:12:7: `from` is missing; allowed: the characteristic that carries the records"),
    Mistake(
      replace: "{subscribe: 2A5F}", with: "{fetchRecords: 2A52, from: 2A5F, context: 2A34}",
      expected: "device.yaml:12:49: `context` is 2A34, which decode does not read; allowed: 2A5F"),
    Mistake(
      replace: "{subscribe: 2A5F}", with: "{fetchRecords: 2A52, from: 2A5F, delete: upToSequence}",
      expected: "device.yaml:12:48: `delete` is `upToSequence` without `sequenceAt`; allowed: the byte where the number begins"),
    Mistake(
      replace: "{subscribe: 2A5F}", with: "{fetchRecords: 2A52, from: 2A5F, sequenceAt: 1}",
      expected: "device.yaml:12:40: `sequenceAt` without `delete: upToSequence`; allowed: beside it"),
    Mistake(
      replace: "{setClock: 2A2B, optional: true}", with: "{setClock: 2A0F}",
      expected: "device.yaml:11:7: `form` is missing; allowed: currentTime, dateTime (2A2B and 2A08 have their own)"),
    Mistake(
      replace: "{setClock: 2A2B, optional: true}", with: "{write: 2A06}",
      expected: "device.yaml:11:7: `hex` is missing; allowed: 1 to 512 bytes as pairs of hexadecimal digits"),
    Mistake(
      replace: "{setClock: 2A2B, optional: true}", with: "{write: 2A06, hex: \"" + String(repeating: "00", count: 513) + "\"}",
      expected: "device.yaml:11:26: `hex` is `" + String(repeating: "00", count: 513)
        + "`; allowed: 1 to 512 bytes as pairs of hexadecimal digits"),
    Mistake(
      replace: "atMost: 60 s", with: "atMost: 2 s", expected: "device.yaml:13:27: `atMost` is `2 s`; allowed: no less than `wait`"),
    Mistake(
      replace: "    - disconnect\n", with: "    - disconnect\n    - {read: 2A60}\n",
      expected: "device.yaml:14:7: `disconnect` is not the last step; allowed: as the last one"),
    Mistake(
      replace: "- disconnect", with: "- disconnect: false", expected: "device.yaml:14:19: `disconnect` is `false`; allowed: true"),
    Mistake(
      replace: "    - disconnect\n", with: String(repeating: "    - {read: 2A60}\n", count: 30),
      expected: "device.yaml:11:5: `session` has 33 steps; allowed: at most 32"),
  ])
  func mistakesAreExplained(_ mistake: Mistake) throws {
    let section = SessionSample.section.replacing(mistake.replace, with: mistake.with, maxReplacements: 1)
    #expect(section != SessionSample.section)
    let diagnostics = try Sample.diagnostics(SessionSample.text(section))
    #expect(diagnostics.contains(mistake.expected), "\(diagnostics.joined(separator: "\n"))")
  }

  @Test func anEmptySessionIsToldFromNone() throws {
    let diagnostics = try Sample.diagnostics(SessionSample.text("bluetooth: {session: []}\n"))
    #expect(
      diagnostics == [
        "device.yaml:8:22: `session` is a list; allowed: a list of steps; left out, each characteristic of decode is subscribed to"
      ])
  }
}
