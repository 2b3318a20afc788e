// What was measured, as an ISO/IEEE 11073-10101 nomenclature code (MDC): one 32-bit number, partition × 65536 + term.
//
// MDC is the primary key because a Personal Health Gateway must send it and because it has a fixed size; LOINC, SNOMED
// CT and plain names hang on it in CodeSystem.swift. What has no MDC term gets one in the private partition 1024.

/// An MDC code. Realtime-safe.
@frozen public struct ObservationCode: RawRepresentable, Sendable, Hashable {
  public var rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  @inlinable public static var oxygenSaturation: Self { Self(rawValue: 150_456) }
  /// MDC_PULS_OXIM_PULS_RATE: the pulse as an oximeter measures it.
  @inlinable public static var pulseRateOximeter: Self { Self(rawValue: 149_530) }
  /// MDC_PULS_RATE_NON_INV: the pulse as a blood-pressure cuff measures it.
  @inlinable public static var pulseRateCuff: Self { Self(rawValue: 149_546) }
  /// MDC_ECG_HEART_RATE: the heart rate of a chest strap or an ECG.
  @inlinable public static var heartRate: Self { Self(rawValue: 147_842) }
  @inlinable public static var systolic: Self { Self(rawValue: 150_021) }
  @inlinable public static var diastolic: Self { Self(rawValue: 150_022) }
  @inlinable public static var meanArterialPressure: Self { Self(rawValue: 150_023) }
  @inlinable public static var bodyTemperature: Self { Self(rawValue: 150_364) }
  @inlinable public static var respirationRate: Self { Self(rawValue: 151_562) }
  @inlinable public static var bodyWeight: Self { Self(rawValue: 188_736) }
  @inlinable public static var bodyHeight: Self { Self(rawValue: 188_740) }
  @inlinable public static var bodyMassIndex: Self { Self(rawValue: 188_752) }
  @inlinable public static var glucose: Self { Self(rawValue: 160_184) }
  /// MDC_ATTR_VAL_BATT_CHARGE, per cent of full charge.
  @inlinable public static var batteryLevel: Self { Self(rawValue: 67_996) }
  /// MDC_BLD_PERF_INDEX: pulse amplitude index (perfusion), per cent.
  @inlinable public static var pulseAmplitudeIndex: Self { Self(rawValue: 150_488) }

  /// ACVPU, private: 0 Alert, 1 Confusion (new), 2 Voice, 3 Pain, 4 Unresponsive. LOINC 67775-7.
  @inlinable public static var consciousness: Self { Self(rawValue: 67_108_865) }
  /// Air (0) or oxygen (1, or the flow in L/min), private. LOINC 3151-8 names the flow.
  @inlinable public static var supplementalOxygen: Self { Self(rawValue: 67_108_866) }
}
