// The fence: accuracy, confirmation, hysteresis, order; and the distance without a C library.

import Foundation
import Testing
import VitalSigns

@testable import RealtimeCore

@Suite struct GeofenceTests {
  private static let fence = Geofence(latitudeE7: 599_138_700, longitudeE7: 107_522_500, radiusMetres: 300, confirmingFixes: 2)

  /// A fix `metres` north of the centre.
  private func fix(_ metres: Double, accuracy: UInt32 = 20) -> IntakePayload {
    .location(
      LocationFix(
        latitudeE7: Self.fence.latitudeE7 + Int32(metres / 0.011_119_508), longitudeE7: Self.fence.longitudeE7,
        accuracyMetres: accuracy))
  }

  private func street() -> Street {
    var street = Street()
    street.moveIn()
    _ = street.plan(.geofence(Self.fence))
    return street
  }

  @Test func severalCertainFixesMakeAnExit() {
    var street = street()
    #expect(street.send(fix(0), device: 1).isEmpty)
    #expect(street.send(fix(400), device: 1).isEmpty)
    let exit = street.send(fix(420), device: 1)
    #expect(exit.story == ["geofenceExit raised"])
    #expect(exit.transitions[0].value == 419 || exit.transitions[0].value == 420)
    #expect(exit.transitions[0].limit == 300 && exit.transitions[0].priority == .high)
    #expect(street.send(fix(800), device: 1).isEmpty)
  }

  @Test func poorAccuracyNeverConfirms() {
    var street = street()
    for accuracy in [301, 500, 2_000, LocationFix.accuracyUnknown] as [UInt32] {
      #expect(street.send(fix(5_000, accuracy: accuracy), device: 1).isEmpty)
    }
    #expect(street.send(fix(310, accuracy: 20), device: 1).isEmpty, "the circle crosses the fence")
    #expect(street.send(fix(310, accuracy: 20), device: 1).isEmpty)
    #expect(street.send(fix(400), device: 1).isEmpty)
    #expect(street.send(fix(5_000, accuracy: 2_000), device: 1).isEmpty, "says nothing either way")
    #expect(street.send(fix(400), device: 1).story == ["geofenceExit raised"])
  }

  @Test func aFixInsideStartsTheCountAnew() {
    var street = street()
    _ = street.send(fix(400), device: 1)
    _ = street.send(fix(100), device: 1)
    #expect(street.send(fix(400), device: 1).isEmpty)
    #expect(street.send(fix(400), device: 1).story == ["geofenceExit raised"])
  }

  @Test func theNextExitIsANewAlert() {
    var street = street()
    _ = street.send(fix(400), device: 1)
    let first = street.send(fix(400), device: 1).transitions
    _ = street.send(fix(310), device: 1)
    #expect(street.send(fix(400), device: 1).isEmpty, "not back inside yet")
    // At home under a roof: the centre is inside, the circle is not. Two of them count.
    _ = street.send(fix(200, accuracy: 150), device: 1)
    _ = street.send(fix(200, accuracy: 150), device: 1)
    _ = street.send(fix(400), device: 1)
    let second = street.send(fix(400), device: 1).transitions
    #expect(second.map(\.rule) == [.geofenceExit] && second.first?.id != first.first?.id)
  }

  @Test func lateAndOlderFixesChangeNothing() {
    var street = street()
    _ = street.pass(7_200)
    _ = street.send(fix(400), device: 1)
    let late = street.wall.adding(milliseconds: -3_600_000)
    #expect(street.send(fix(400), device: 1, measuredAt: late).remarks == [.late])
    let older = street.wall.adding(milliseconds: -60_000)
    #expect(street.send(fix(400), device: 1, measuredAt: older).isEmpty)
    #expect(street.send(fix(400), device: 1).story == ["geofenceExit raised"])
  }

  /// A tracker that says whole seconds gives several fixes of one time, and each is reckoned from a clock of whole milliseconds.
  @Test func fixesOfOneTimeCountThoughTheyComeOutAFractionApart() {
    var street = street()
    _ = street.pass(1.000_7)
    let second = street.wall
    #expect(street.send(fix(400), device: 1, measuredAt: second).isEmpty)
    _ = street.pass(0.199_6)
    #expect(street.send(fix(400), device: 1, measuredAt: second).story == ["geofenceExit raised"])
  }

  @Test func impossiblePlacesAreRemarked() {
    var street = street()
    let fix = LocationFix(latitudeE7: 900_000_001, longitudeE7: 0, accuracyMetres: 5)
    #expect(street.send(.location(fix), device: 1).remarks == [.outOfRange])
  }

  @Test func distancesAgreeWithTheHaversine() {
    var random = SeededRandom(seed: 59)
    for _ in 0..<2_000 {
      let latitude = Double.random(in: -80...80, using: &random)
      let longitude = Double.random(in: -180...180, using: &random)
      let north = Double.random(in: -0.02...0.02, using: &random)
      let east = Double.random(in: -0.02...0.02, using: &random)
      let fence = Geofence(latitudeE7: Int32(latitude * 1e7), longitudeE7: Int32(longitude * 1e7), radiusMetres: 1)
      var other = longitude + east
      if other > 180 { other -= 360 }
      if other < -180 { other += 360 }
      let fix = LocationFix(latitudeE7: Int32((latitude + north) * 1e7), longitudeE7: Int32(other * 1e7), accuracyMetres: 1)
      let (a, b) = (Double(fence.latitudeE7) / 1e7 * .pi / 180, Double(fix.latitudeE7) / 1e7 * .pi / 180)
      let half =
        Double(Int64(fix.longitudeE7) - Int64(fence.longitudeE7)).magnitude > 1.8e9
        ? sin(east * .pi / 360) : sin(Double(Int64(fix.longitudeE7) - Int64(fence.longitudeE7)) / 1e7 * .pi / 360)
      let h = sin((b - a) / 2) * sin((b - a) / 2) + cos(a) * cos(b) * half * half
      let exact = 2 * 6_371_008.8 * asin(h.squareRoot())
      #expect(abs(Double(fence.decimetres(to: fix)) / 10 - exact) < max(0.5, exact * 1e-4), "\(latitude) \(longitude)")
    }
  }

  @Test func theCosineIsGoodEnough() {
    for step in -157...157 {
      let x = Double(step) / 100
      #expect(abs(Geofence.cosine(radians: x) - cos(x)) < 1e-9)
    }
  }
}
