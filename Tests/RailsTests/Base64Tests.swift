import Rails
import Testing

@Suite struct Base64Tests {
    struct Pair: Sendable, CustomTestStringConvertible {
        let plain: String
        let encoded: String
        var testDescription: String { plain }
    }

    // RFC 4648, section 10.
    static let pairs: [Pair] = [
        Pair(plain: "", encoded: ""), Pair(plain: "f", encoded: "Zg=="), Pair(plain: "fo", encoded: "Zm8="), Pair(plain: "foo", encoded: "Zm9v"),
        Pair(plain: "foob", encoded: "Zm9vYg=="), Pair(plain: "fooba", encoded: "Zm9vYmE="), Pair(plain: "foobar", encoded: "Zm9vYmFy"),
    ]

    @Test("written padded, read padded or not", arguments: pairs)
    func standard(_ pair: Pair) {
        let plain = Array(pair.plain.utf8)
        #expect(Base64.encode(plain) == pair.encoded)
        #expect(Base64.decode(pair.encoded) == plain)
        #expect(Base64.decode(String(pair.encoded.prefix { $0 != "=" })) == plain)
    }

    @Test("both alphabets are read")
    func alphabets() {
        let bytes: [UInt8] = [0xfb, 0xff, 0xfe]
        #expect(Base64.encode(bytes) == "+//+")
        #expect(Base64.decode("+//+") == bytes)
        #expect(Base64.decode("-__-") == bytes)
    }

    @Test("what is no base64 is refused", arguments: ["Z", "Zg=", "Zg===", "Z===", "Zm9v=", "Zm9v Zg==", "Zh==", "Zm9=", "=", "Z=g="])
    func refused(_ text: String) { #expect(Base64.decode(text) == nil) }
}
