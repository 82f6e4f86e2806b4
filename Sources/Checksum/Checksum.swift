// Checksums of files and builds.

import CLibCrypto
import FoundationEssentials

/// The SHA-256 (FIPS 180-4) of `data`, as 64 hexadecimal digits.
public func sha256(of data: Data) -> String {
  var sum = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
  data.withUnsafeBytes { bytes in
    // Nil only for a null pointer as the last argument.
    _ = SHA256(bytes.baseAddress, bytes.count, &sum)
  }
  let digits = Array("0123456789abcdef")
  return String(sum.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
