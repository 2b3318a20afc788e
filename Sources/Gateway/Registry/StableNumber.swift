// Numbers for what the configuration knows by name: destinations and links. The journal files rows under them, so they
// must not change when the file's order does.

/// FNV-1a over the name's UTF-8 (Fowler, Noll, Vo): 32 bits, never 0. Two names of one hub that collide are refused at start.
func stableNumber(of name: String) -> UInt32 {
  var hash: UInt32 = 2_166_136_261
  for byte in name.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
  return hash == 0 ? 1 : hash
}

/// FNV-1a, 64 bits, over topic and payload: how a redelivered frame is known again.
func frameHash(topic: String, payload: [UInt8]) -> UInt64 {
  var hash: UInt64 = 14_695_981_039_346_656_037
  for byte in topic.utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
  hash = hash &* 1_099_511_628_211
  for byte in payload { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
  return hash
}
