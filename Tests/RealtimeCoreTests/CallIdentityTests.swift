// The ids of calls that were told, never stored, and come again after a kill: whatever the order, each button's call has the id that it had.

import Testing
import VitalSigns

@testable import RealtimeCore

@Suite("A call's id belongs to its button") struct CallIdentityTests {
  private typealias Call = (device: UInt32, kind: DeviceEventKind)

  /// A person with two buttons and a fall sensor, another with one button.
  private static func street() -> Street {
    var street = Street()
    street.moveIn(patient: 1, device: 1)
    street.moveIn(patient: 2, device: 4)
    for device in [UInt32(2), 3] {
      _ = street.send(.registry(.deviceAdded(DeviceLiveness(expectedIntervalSeconds: 0))), device: device)
      _ = street.send(.registry(.deviceAssigned), device: device, patient: 1)
    }
    return street
  }

  private static func ids(_ calls: [Call]) -> [String: [AlertID]] {
    var street = street()
    var ids: [String: [AlertID]] = [:]
    for call in calls {
      _ = street.pass(2)
      let raised = street.event(call.kind, device: call.device).transitions.filter { $0.kind == .raised }
      ids["\(call.device)", default: []] += raised.map(\.id)
    }
    return ids
  }

  @Test("In every order of four calls")
  func orders() {
    let calls: [Call] = [(1, .sos), (2, .sos), (3, .fall), (4, .sos)]
    let told = Self.ids(calls)
    #expect(Set(told.values.flatMap { $0 }).count == 4)
    for order in Self.orders(of: calls) { #expect(Self.ids(order) == told) }
  }

  @Test("A button's calls are told apart, and their order is kept by their broker")
  func again() {
    let told = Self.ids([(1, .sos), (2, .sos), (1, .sos), (2, .sos), (1, .sos)])
    #expect(Set(told.values.flatMap { $0 }).count == 5)
    #expect(Self.ids([(2, .sos), (2, .sos), (1, .sos), (1, .sos), (1, .sos)]) == told)
  }

  @Test("A button that changes hands gives nobody an id a second time")
  func handedOn() {
    var street = Self.street()
    var ids: Set<AlertID> = []
    var count = 0
    func press(_ street: inout Street) {
      for _ in 0..<3 {
        _ = street.pass(2)
        let raised = street.event(.sos, device: 1).transitions.filter { $0.kind == .raised }
        count += raised.count
        ids.formUnion(raised.map(\.id))
      }
    }
    press(&street)
    _ = street.send(.registry(.deviceReleased), device: 1)
    press(&street)
    _ = street.send(.registry(.deviceAssigned), device: 1, patient: 2)
    press(&street)
    _ = street.send(.registry(.deviceAssigned), device: 1, patient: 1)
    press(&street)
    #expect(count == 12 && ids.count == 12)
  }

  @Test("What was told for somebody is not told under its id for whoever has the button next")
  func nextOwner() {
    func call(handedOn: Bool) -> [AlertID] {
      var street = Self.street()
      if handedOn { _ = street.send(.registry(.deviceAssigned), device: 1, patient: 2) }
      return street.event(.sos, device: 1).transitions.filter { $0.kind == .raised }.map(\.id)
    }
    #expect(call(handedOn: false) != call(handedOn: true))
    #expect(call(handedOn: false).count == 1 && call(handedOn: true).count == 1)
  }

  private static func orders(of calls: [Call]) -> [[Call]] {
    guard calls.count > 1 else { return [calls] }
    return calls.indices.flatMap { index in
      var rest = calls
      let first = rest.remove(at: index)
      return orders(of: rest).map { [first] + $0 }
    }
  }
}
