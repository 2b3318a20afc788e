// The waits and limits of a session, each with its reason. What may differ from hub to hub is in `SessionTimings`; the rest
// follows from BlueZ, from ATT or from people.

import VitalSigns

/// The waits of a session. The defaults are for real devices; tests and the configuration may shorten them.
struct SessionTimings: Sendable, Hashable {
  /// BlueZ 5.66 gives an absent device 40 s; after half of that the others have waited long enough.
  var connect = Duration.seconds(20)
  /// After a failure that no retry mends. Alarm devices have `coolDownAlarm`.
  var coolDown = Duration.seconds(60)
  var coolDownAlarm = Duration.seconds(10)
  /// Devices go on advertising for a while after a session; connecting again would only drain their battery. Doubled after
  /// each session that brought nothing new, up to `holdOffMax`, for devices that advertise all day.
  var holdOff = Duration.seconds(10)
  var holdOffMax = Duration.seconds(300)
}

extension BluetoothSession {
  /// Waits after the first, second, third and fourth failure in a row. The fifth cools down.
  static let backOff: [Duration] = [.milliseconds(100), .milliseconds(400), .milliseconds(1600), .seconds(4)]
  /// A device that was not heard for so long is not tried: a futile attempt holds up the others for `SessionTimings.connect`.
  static let heardWindow = Duration.seconds(30)
  /// BlueZ reads all services of a slow device in some 10 s; after 30 s ATT itself has given up.
  static let resolveTimeout = Duration.seconds(30)
  /// BlueZ may say ServicesResolved before it has exported the objects.
  static let objectsGrace = Duration.seconds(5)
  /// An installer reads six digits from one display and types them on another.
  static let pairTimeout = Duration.seconds(60)
  /// Half of ATT's own 30 s.
  static let stepTimeout = Duration.seconds(15)
  /// BlueZ answers Disconnect within 2 s, and RemoveDevice after that; longer means that the answer is lost.
  static let leaveTimeout = Duration.seconds(10)
  /// The reply and the signal of one change may come in either order, at most this far apart.
  static let signalGrace = Duration.seconds(2)
  /// How long pairing and settling may go on when the slot is wanted by another.
  static let withdrawGrace = Duration.seconds(10)
  /// A device that `leavesAfterBonding` does so within this time.
  static let bondingLeave = Duration.seconds(10)
  /// A guess that the bond is lost may be wrong: after this time being heard starts one more attempt.
  static let bondLostRetry = Duration.seconds(600)
  /// Between two renewals of a bond: somebody who forges lost bonds gets at most one new pairing in this time.
  static let renewalDistance = Duration.seconds(60)
  /// A device that was silent for so long has slept: whatever it says now is news.
  static let asleep = Duration.seconds(60)
  /// A device whose old bond was given up for a new one is heard again by then. Otherwise its addresses are private, and the
  /// installer must choose it among the unknown devices.
  static let rehearing = Duration.seconds(30)
  /// What the kernel heard just before a bond went lies in its queue, is reported under the identity, and bluetoothd makes the object once
  /// more. Under that address nobody is on air: a connection to it would hang until the window closes. The queue is read within
  /// milliseconds; with a longer time a device that is there would be missed, and bluetoothd reports it again only 10 s later.
  static let oldReports = Duration.milliseconds(50)
  /// How long `connectNow` is remembered when the device is not there at once.
  static let requestLifetime = Duration.seconds(120)
  /// As many links in a row that end before anything worked look like a lost bond.
  static let earlyDropsMax = 3
  /// Doublings of the hold-off end here; `SessionTimings.holdOffMax` is reached long before.
  static let barrenMax = 10
}
