// How far a fix lies from the fence, and what that says.
//
// Distances use the equirectangular projection at the mean latitude: exact to well under a metre at the size of a fence,
// and with plain IEEE arithmetic only (no C library, no fused operations), so that every machine replays alike.

import VitalSigns

/// What one fix says about the fence.
enum FixVerdict: Equatable {
  case inside
  /// The centre is inside, the circle is not wholly.
  case probablyInside
  case outside
  /// The circle crosses the fence from outside, or is too large or unknown: it proves nothing.
  case uncertain
}

extension Geofence {
  /// A fix worse than this (or than the radius, if larger) never confirms an exit, metres: phones indoors say 100–150, and a position
  /// by radio cell alone says 500 and more.
  static var usableAccuracyMetres: UInt32 { 200 }

  @_noLocks static func isUsable(_ fix: LocationFix, radiusMetres: UInt32) -> Bool {
    fix.accuracyMetres != LocationFix.accuracyUnknown && fix.accuracyMetres <= max(radiusMetres, usableAccuracyMetres)
  }

  @_noLocks func verdict(on fix: LocationFix, decimetres: Int64) -> FixVerdict {
    guard Self.isUsable(fix, radiusMetres: radiusMetres) else { return .uncertain }
    let (radius, accuracy) = (10 * Int64(radiusMetres), 10 * Int64(fix.accuracyMetres))
    if decimetres - accuracy > radius { return .outside }
    if decimetres + accuracy <= radius { return .inside }
    return decimetres <= radius ? .probablyInside : .uncertain
  }

  /// Distance from the fence's centre in tenths of a metre.
  @_noLocks func decimetres(to fix: LocationFix) -> Int64 {
    let decimetresPerStep = 0.111_195_08  // 10⁻⁷ degree on a sphere of 6 371 009 m
    let north = Double(Int64(fix.latitudeE7) - Int64(latitudeE7))
    var step = Int64(fix.longitudeE7) - Int64(longitudeE7)
    if step > 1_800_000_000 { step -= 3_600_000_000 }
    if step < -1_800_000_000 { step += 3_600_000_000 }
    let meanLatitude = Double(Int64(fix.latitudeE7) + Int64(latitudeE7)) / 2
    let east = Double(step) * Self.cosine(radians: meanLatitude * 1.745_329_251_994_329_6e-9)
    // At most half the way round the earth, twice: below 10¹⁷ square decimetres.
    let square = (north * north + east * east) * decimetresPerStep * decimetresPerStep
    return Self.squareRoot(UInt64(square))
  }

  /// Digit by digit, rounded down: the standard library's square root is a C call.
  @_noLocks static func squareRoot(_ square: UInt64) -> Int64 {
    var (rest, root) = (square, UInt64(0))
    var bit = UInt64(1) << 62
    while bit > rest { bit >>= 2 }
    while bit != 0 {
      if rest >= root + bit {
        rest -= root + bit
        root = (root >> 1) + bit
      } else {
        root >>= 1
      }
      bit >>= 2
    }
    return Int64(root)
  }

  /// Taylor's series to x¹⁴: the error is below 10⁻¹⁰ for the latitudes of this planet (|x| ≤ π/2).
  @_noLocks static func cosine(radians x: Double) -> Double {
    let y = x * x
    var sum = -1.0 / 87_178_291_200
    sum = sum * y + 1.0 / 479_001_600
    sum = sum * y - 1.0 / 3_628_800
    sum = sum * y + 1.0 / 40_320
    sum = sum * y - 1.0 / 720
    sum = sum * y + 1.0 / 24
    sum = sum * y - 0.5
    return sum * y + 1
  }
}
