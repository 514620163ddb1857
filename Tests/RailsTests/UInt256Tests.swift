import Kernel
import Rails
import Testing

@Suite struct UInt256Tests {
    static let max = "115792089237316195423570985008687907853269984665640564039457584007913129639935"

    struct Number: Sendable, CustomTestStringConvertible {
        let text: String
        let hex: String
        let int64: Int64?
        var testDescription: String { text }
    }

    static let numbers: [Number] = [
        Number(text: "0", hex: "0", int64: 0),
        Number(text: "10000", hex: "2710", int64: 10_000),
        // The longest that is read without big integers, and the first that is not.
        Number(text: "999999999999999999", hex: "de0b6b3a763ffff", int64: 999_999_999_999_999_999),
        Number(text: "1000000000000000000", hex: "de0b6b3a7640000", int64: 1_000_000_000_000_000_000),
        Number(text: "9223372036854775807", hex: "7fffffffffffffff", int64: Int64.max),
        Number(text: "9223372036854775808", hex: "8000000000000000", int64: nil),
        Number(text: "18446744073709551616", hex: "10000000000000000", int64: nil),
        Number(text: "340282366920938463463374607431768211456", hex: "100000000000000000000000000000000", int64: nil),
        Number(text: max, hex: String(repeating: "f", count: 64), int64: nil),
    ]

    @Test("decimal text, bytes and Int64 agree", arguments: numbers)
    func reads(_ number: Number) throws {
        let value = try #require(UInt256(decimal: number.text))
        #expect(value.decimal == number.text)
        #expect(value.int64 == number.int64)
        let padded = String(repeating: "0", count: 64 - number.hex.count) + number.hex
        #expect(Hex.encode(value.bytes) == padded)
    }

    @Test("leading zeros do not count")
    func leadingZeros() {
        #expect(UInt256(decimal: "00010000") == UInt256(10_000))
        #expect(UInt256(decimal: "0000000000000000000000010000") == UInt256(10_000))
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", "-1", "+1", "1.0", "1e3", " 1", "0x10", "١",
            "115792089237316195423570985008687907853269984665640564039457584007913129639936",
            "1000000000000000000000000000000000000000000000000000000000000000000000000000000",
        ])
    func refused(_ text: String) { #expect(UInt256(decimal: text) == nil) }

    @Test("order is that of numbers")
    func order() throws {
        let values: [UInt256] = Self.numbers.compactMap { UInt256(decimal: $0.text) }
        #expect(values.count == Self.numbers.count)
        #expect(values.sorted() == values)
        #expect(Set(values).count == values.count)
    }
}
