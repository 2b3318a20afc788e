// Alert ids as they came out on the first day. A change here means that every hub's open alerts get other ids: never.

enum GoldenIdentities {
  static let sos: [UInt64] = [0x2ac1d295bdd3866e, 0x8779837b56a2616b]
  static let sosAgain: [UInt64] = [0xb988ed9d9ab0806d, 0x8256d1e07e5555ed]
  static let planRed: [UInt64] = [0x2f0b7a73cd138b2b, 0x8f8d3b7bcb9c77be]
  static let device: [UInt64] = [0x733074023a8d8f83, 0xaf79b8c361d36e37]
  static let hub: [UInt64] = [0x89c854236aa28db3, 0x88a4a3be443adf65]
  static let stranger: [UInt64] = [0x99e1617f27048f4e, 0xadc7e4d9a09e7f7b]
}
