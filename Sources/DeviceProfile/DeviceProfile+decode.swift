// Decoding with a profile: which program reads a frame, and running it.

import VitalSigns

extension DeviceProfile {
  /// The index in `frames` of the program for an MQTT topic, or nil. A link looks the index up once per topic and keeps it.
  public func frameIndex(topic: String) -> Int? {
    frames.firstIndex { if case .topic(let pattern) = $0.key { pattern.matches(topic) } else { false } }
  }

  /// The index in `frames` of the program for a characteristic, or for service data with this UUID; nil if none.
  public func frameIndex(characteristic uuid: BluetoothUUID) -> Int? {
    frames.firstIndex { $0.key == .characteristic(uuid) || $0.key == .serviceData(uuid) }
  }

  /// The index in `frames` of the program for a company's manufacturer data, or nil.
  public func frameIndex(company: UInt16) -> Int? {
    frames.firstIndex { $0.key == .manufacturerData(company) }
  }

  /// Decodes one frame with the program at `frameIndex`.
  ///
  /// Total: any bytes give a result or a rejection, at most `FrameProgram.costMax` instructions later. Any thread.
  /// A result without an error is a sign of life of the device even when it holds no reading, unless the message was retained: that one
  /// the broker says, not the device.
  /// - Parameters:
  ///   - retained: the broker had stored the message earlier; see `RetainedPolicy`.
  ///   - result: emptied first; keeps its memory. After a rejection it is empty.
  public func decode(
    _ frame: Span<UInt8>, frameIndex: Int, retained: Bool = false, into result: inout DecodeResult
  ) throws(FrameRejection) {
    result.reset()
    guard frames.indices.contains(frameIndex) else { throw Self.unknownFrame }
    var decoder = FrameDecoder(program: frames[frameIndex], retained: retained)
    do {
      try decoder.run(frame, into: &result)
    } catch {
      result.reset()
      throw error
    }
  }

  /// Decodes an MQTT message as `decode(_:frameIndex:…)` does. A topic without a program is rejected as `unknownFrame`.
  public func decode(_ bytes: [UInt8], topic: String, retained: Bool = false) throws(FrameRejection) -> DecodeResult {
    guard let index = frameIndex(topic: topic) else { throw Self.unknownFrame }
    var result = DecodeResult()
    try decode(bytes.span, frameIndex: index, retained: retained, into: &result)
    return result
  }

  /// Decodes a notification as `decode(_:frameIndex:…)` does. A characteristic without a program is rejected as `unknownFrame`.
  public func decode(_ bytes: [UInt8], characteristic: BluetoothUUID) throws(FrameRejection) -> DecodeResult {
    guard let index = frameIndex(characteristic: characteristic) else { throw Self.unknownFrame }
    var result = DecodeResult()
    try decode(bytes.span, frameIndex: index, into: &result)
    return result
  }

  private static var unknownFrame: FrameRejection {
    FrameRejection(reason: .unknownFrame, offset: 0, explanation: "the profile has no program for this topic or characteristic")
  }
}

// MARK: - Addresses and topics

extension DeviceProfile {
  /// The topics that name their device.
  private var topicPatterns: [TopicPattern] {
    frames.compactMap { if case .topic(let pattern) = $0.key, !$0.isShared { pattern } else { nil } }
  }

  /// The topics on which something else (the devices' bridge) speaks for all devices of this profile at once, with the program for
  /// each.
  public var sharedTopics: [(topic: String, frameIndex: Int)] {
    frames.indices.compactMap { index in
      if case .topic(let pattern) = frames[index].key, frames[index].isShared { (pattern.description, index) } else { nil }
    }
  }

  /// The MQTT subscriptions for one device of this profile: one filter for each topic of the profile. Empty when the
  /// address does not fit `addressForm`, or when the profile is not for MQTT.
  public func topicFilters(for address: String) -> [String] {
    let filters = topicPatterns.compactMap { $0.filter(for: address) }
    return filters.count == topicPatterns.count ? filters : []
  }

  /// The MQTT subscriptions for all devices of this profile, registered or not: one filter for each topic. Empty when the
  /// profile is not for MQTT.
  public var wildcardTopicFilters: [String] { topicPatterns.map(\.wildcardFilter) + sharedTopics.map(\.topic) }

  /// Whether some topic has a part that may be anything (`+`, `#`).
  public var hasWildcardTopics: Bool { topicPatterns.contains(where: \.hasWildcards) }

  /// The address of the device that a topic belongs to, or nil when no topic of the profile fits.
  public func address(fromTopic topic: String) -> String? {
    topicPatterns.lazy.compactMap { $0.address(in: topic) }.first
  }

  /// What an address of this profile looks like: `device`, or `user/device` for OwnTracks. Nil without topics.
  public var addressForm: String? {
    topicPatterns.first.map { $0.captures.joined(separator: "/") }
  }
}
