// Numbers for what the configuration knows by name: destinations, links and roles. The journal files rows under these numbers, so a
// number must not change when the order of the file does.

import VitalSigns

/// FNV-1a over the name's UTF-8 (Fowler, Noll, Vo): 32 bits, never 0. Two names of one hub that collide are refused at start.
package func stableNumber(of name: String) -> UInt32 {
  let hash = StableHash.short(name)
  return hash == 0 ? 1 : hash
}

/// FNV-1a, 64 bits, over topic and payload with a zero between: how a redelivered frame is known again.
package func frameHash(topic: String, payload: [UInt8]) -> UInt64 {
  var hash = StableHash()
  hash.add(topic.utf8)
  hash.add(UInt8(0))
  hash.add(payload)
  return hash.value
}
