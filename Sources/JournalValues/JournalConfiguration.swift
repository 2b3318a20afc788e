// What a journal is opened with. HubCore fills it from the configuration; nothing here is read from disk.

/// How and where the journal is kept.
public struct JournalConfiguration: Sendable {
  /// The database file. Beside it lie `-wal`, `-shm`, `.ballast` and `.writer`, all of the same owner, mode 0600.
  public var path: String
  /// Folders that each keep a copy of the registry, for a start without the journal. Best on more than one disk; empty: none is kept.
  public var copyFolders: [String]
  /// Organisation number (nine digits) of the hub's own data controller: that of records without a person.
  public var controller: String
  /// Room kept for alarms in a file of its own and given up when the disk is full, bytes. 0: none is kept.
  ///
  /// 4 MiB holds at least `alarmsInBallast` alarms: while the disk is full the write-ahead log is reused in place.
  public var ballastBytes: Int
  /// Calls for help, each with its alert and a row for a destination, that fit into the default ballast: 400 a MiB, as a
  /// whole hub was seen to need whose readers hold the log back; without them it is some five times as many. When it is used up nothing
  /// is acknowledged any more; alarms are told all the same. A test counts them.
  public static let alarmsInBallast = 1_600
  /// Pages (4 KiB) in the write-ahead log after which `checkpointIfNeeded()` moves them to the database file.
  ///
  /// 2 000 pages are 8 MiB: some 50 000 observations. At four times this, `commit` checkpoints by itself.
  public var checkpointPages: Int
  /// Newest malformed frames kept for an installer to look at; older ones are only counted.
  public var quarantineMax: Int
  /// Newest frame marks kept per link: what a redelivery is compared with. Above any link's in-flight window.
  public var deliveryMarksPerLink: Int
  /// A withheld record of one person, kind and destination is written to the access log at most this often, seconds.
  ///
  /// Every single one is counted in `withheld`; without this bound a stream of pulses would fill the access log.
  public var withheldLogIntervalSeconds: Int
  /// The machine around the journal, where it is a simulated one.
  package var surroundings: JournalSurroundings?
  /// The program's version, recorded with each run.
  public var version: String
  /// Told after each step in which an older file is brought up to date, on the thread that opens it. Nil: nobody waits for it.
  package var onUpgrade: (@Sendable (UpgradeProgress) -> Void)?

  public init(
    path: String, controller: String, copyFolders: [String] = [], ballastBytes: Int = 4 << 20, checkpointPages: Int = 2_000,
    quarantineMax: Int = 1_000,
    deliveryMarksPerLink: Int = 4_096, withheldLogIntervalSeconds: Int = 3_600, version: String = "dev"
  ) {
    precondition(ballastBytes >= 0 && checkpointPages > 0 && quarantineMax > 0 && deliveryMarksPerLink > 0)
    self.path = path
    self.controller = controller
    self.copyFolders = copyFolders
    self.ballastBytes = ballastBytes
    self.checkpointPages = checkpointPages
    self.quarantineMax = quarantineMax
    self.deliveryMarksPerLink = deliveryMarksPerLink
    self.withheldLogIntervalSeconds = withheldLogIntervalSeconds
    self.version = version
  }
}
