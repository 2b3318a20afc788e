// Norwegian identity numbers: the check digits tell a slip of the finger from a number. Nothing is looked up.

/// Whether this is a national identity number, D-number or synthetic test number: eleven digits whose two check digits fit.
///
/// Both digits are modulo 11 (Skatteetaten). Synthetic persons have 80 added to the month and the same check digits.
package func isNationalID(_ text: String) -> Bool {
  let digits = text.utf8.map { Int($0) - 0x30 }
  guard digits.count == 11, digits.allSatisfy({ (0...9).contains($0) }) else { return false }
  return check(digits, [3, 7, 6, 1, 8, 9, 4, 5, 2]) == digits[9] && check(digits, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) == digits[10]
}

/// 11 minus the weighted sum modulo 11, with 11 read as 0. A result of 10 equals no digit: such a number is never given out.
private func check(_ digits: [Int], _ weights: [Int]) -> Int {
  let rest = zip(digits, weights).reduce(0) { $0 + $1.0 * $1.1 } % 11
  return rest == 0 ? 0 : 11 - rest
}
