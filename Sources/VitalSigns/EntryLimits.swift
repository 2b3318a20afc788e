// How far what people enter may go, where the command line says so before it asks and the core refuses the rest. One number for
// both; a screen that allows more than the core takes would ask for a value only to reject it.

public enum EntryLimits {
  /// What a device is called, characters. It stands in tables and on cards beside other columns.
  public static let labelCharacters = 1...100
  /// A geofence's radius, metres. Below, a fix's own inaccuracy leaves the circle; above, it says nothing about a home.
  public static let geofenceMetres: ClosedRange<UInt32> = 20...100_000
  /// Fixes outside before an exit counts.
  public static let geofenceFixes = 1...10
  /// Doses a day that the core keeps for a person, numbered from 0.
  public static let doseSlots = 0...7
  /// A limit of a plan, in the signal's steps, to both sides of 0.
  public static let planStepsMax: UInt64 = 100_000
}
