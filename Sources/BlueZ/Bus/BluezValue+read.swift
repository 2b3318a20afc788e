// bluetoothd's properties and objects, read out of a message: the shapes that BlueZ uses become values, every other shape
// and everything above a limit becomes `.unknown` and costs nothing but the time to pass over it.

import CSystemd

extension BusMessage {
  /// The value inside a variant.
  package func value() throws(MalformedMessage) -> BluezValue {
    try variant { (signature: String) throws(MalformedMessage) in
      switch signature {
      case "b": return .flag(try flag())
      case "y": return .integer(Int64(try byte()))
      case "n": return .integer(Int64(try int16()))
      case "q": return .integer(Int64(try uint16()))
      case "i": return .integer(Int64(try int32()))
      case "u": return .integer(Int64(try uint32()))
      case "x": return .integer(try int64())
      case "t": return Int64(exactly: try uint64()).map { .integer($0) } ?? .unknown
      case "s": return try text("s").map { .text($0) } ?? .unknown
      case "o": return try text("o").map { .text($0) } ?? .unknown
      case "g": return try text("g").map { .text($0) } ?? .unknown
      case "as": return try texts("s").map { .texts($0) } ?? .unknown
      case "ao": return try texts("o").map { .texts($0) } ?? .unknown
      case "ay": return try bytes().map { .bytes($0) } ?? .unknown
      case "a{qv}": return try bytesByCompany()
      case "a{sv}": return try bytesByUUID()
      default:
        try skip(signature)
        return .unknown
      }
    }
  }

  /// `a{sv}`: at most `BusLimits.properties` are kept, the first ones.
  package func properties() throws(MalformedMessage) -> BluezProperties {
    var properties: BluezProperties = [:]
    try forEachEntry(of: "sv") { () throws(MalformedMessage) in
      let name = try text()
      let value = try value()
      if let name, properties.count < BusLimits.properties || properties[name] != nil { properties[name] = value }
    }
    return properties
  }

  /// `a{sa{sv}}`: BlueZ's own interfaces; those that every object has (Properties, Introspectable) are passed over.
  package func interfaces() throws(MalformedMessage) -> [String: BluezProperties] {
    var interfaces: [String: BluezProperties] = [:]
    try forEachEntry(of: "sa{sv}") { () throws(MalformedMessage) in
      guard let name = try text(), name.hasPrefix("org.bluez."), interfaces.count < BusLimits.interfaces else {
        try skip("a{sv}")
        return
      }
      interfaces[name] = try properties()
    }
    return interfaces
  }

  /// `a{oa{sa{sv}}}`, the answer to GetManagedObjects, in the order in which it came.
  package func objects() throws(MalformedMessage) -> [BluezObject] {
    var objects: [BluezObject] = []
    try forEachEntry(of: "oa{sa{sv}}") { () throws(MalformedMessage) in
      guard let path = try text("o"), objects.count < BusLimits.objects else {
        try skip("a{sa{sv}}")
        return
      }
      let interfaces = try interfaces()
      if !interfaces.isEmpty { objects.append(BluezObject(path: path, interfaces: interfaces)) }
    }
    return objects
  }

  /// A list of strings or object paths; nil when there are too many. A string that is too long is left out.
  package func texts(_ type: Unicode.Scalar) throws(MalformedMessage) -> [String]? {
    var texts: [String] = []
    var isTooLong = false
    try forEach(of: String(Character(type))) { () throws(MalformedMessage) in
      guard let text = try text(type) else { return }
      if texts.count < BusLimits.texts { texts.append(text) } else { isTooLong = true }
    }
    return isTooLong ? nil : texts
  }

  private func bytesByCompany() throws(MalformedMessage) -> BluezValue {
    var entries: [UInt16: [UInt8]] = [:]
    var isKnown = true
    try forEachEntry(of: "qv") { () throws(MalformedMessage) in
      let company = try uint16()
      guard case .bytes(let bytes) = try value(), entries.count < BusLimits.dataEntries else {
        isKnown = false
        return
      }
      entries[company] = bytes
    }
    return isKnown ? .bytesByCompany(entries) : .unknown
  }

  private func bytesByUUID() throws(MalformedMessage) -> BluezValue {
    var entries: [String: [UInt8]] = [:]
    var isKnown = true
    try forEachEntry(of: "sv") { () throws(MalformedMessage) in
      let uuid = try text()
      guard case .bytes(let bytes) = try value(), let uuid, entries.count < BusLimits.dataEntries else {
        isKnown = false
        return
      }
      entries[uuid] = bytes
    }
    return isKnown ? .bytesByUUID(entries) : .unknown
  }
}
