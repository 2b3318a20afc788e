// How far what people enter may go, where the command line says so before it asks and the core refuses the rest. One number for
// both; a screen that allows more than the core takes would ask for a value only to reject it.

public enum EntryLimits {
  /// What a device is called, characters. It stands in tables and on cards beside other columns.
  public static let labelCharacters = 1...100
  /// Who acts, as the access log names them, characters.
  public static let actorCharacters = 1...100
  /// What somebody writes about an alert (comment, cause, measure), characters each: a page of text, and not a file.
  public static let commentCharactersMax = 2_000
  /// The first characters of an alert's id that may stand for the whole id. Fewer would often fit several alerts.
  public static let alertPrefixCharactersMin = 4
  /// Alerts, or rows of the access log, in one answer.
  public static let rows = 1...10_000
  /// So many rows as were asked for, or the nearest number that is answered.
  public static func held(rows asked: Int) -> Int { min(max(asked, rows.lowerBound), rows.upperBound) }
  /// How long pairing, a test or the search for a device goes on, seconds: shorter finds nothing, longer is a window that somebody
  /// forgot.
  public static let pairingSeconds = 10...600
  /// A geofence's radius, metres. Below, a fix's own inaccuracy leaves the circle; above, it says nothing about a home.
  public static let geofenceMetres: ClosedRange<UInt32> = 20...100_000
  /// Fixes outside before an exit counts.
  public static let geofenceFixes = 1...10
  /// Doses a day that the core keeps for a person, numbered from 0.
  public static let doseSlots = 0...7
  /// A limit of a plan, in the signal's steps, to both sides of 0.
  public static let planStepsMax: UInt64 = 100_000
}
