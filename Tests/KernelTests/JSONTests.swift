import Kernel
import Simulation
import Testing

@Suite struct JSONTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let text: String
        let compact: String
        var testDescription: String { text }
        init(_ text: String, _ compact: String) {
            self.text = text
            self.compact = compact
        }
        init(_ text: String) { self.init(text, text) }
    }

    static let accepted: [Case] = [
        Case("null"), Case("true"), Case("false"), Case("0"), Case("-0"), Case("12"), Case("-1.5e3"), Case("1E+2"), Case("0.5"), Case("1e-7"),
        Case("123456789012345678901234567890.0000000001"), Case("\"\""), Case(#""till""#), Case("[]"), Case("{}"), Case("[[],{}]"),
        Case(#"{"b":1,"a":2}"#), Case(#"{"":0}"#), Case(#"{"a":{"a":1}}"#),
        Case(" \t\r\n{ \"a\" : [ 1 , 2 ] }\n", #"{"a":[1,2]}"#),
        Case(#""é😀""#), Case(#""\u00e9""#, #""é""#), Case(#""\u00E9""#, #""é""#), Case(#""\ud83d\ude00""#, #""😀""#),
        Case(#""\uD834\uDD1E""#, #""𝄞""#), Case(#""\"\\\/""#, #""\"\\/""#), Case(#""\b\f\n\r\t""#, #""\u0008\u000c\n\r\t""#), Case(#""\u0000""#),
        Case(#""\u001f""#), Case("\"\u{7f}\""), Case(#"{"\u0061":1}"#, #"{"a":1}"#),
    ]

    @Test("is read, and written without white space", arguments: accepted)
    func accepts(_ line: Case) throws {
        let value = try JSON.read(line.text)
        #expect(value.compact == line.compact)
        #expect(try JSON.read(value.bytes) == value)
        #expect(try JSON.read(value.pretty) == value)
    }

    static let refused: [String] = [
        "", " ", "nul", "tru", "falsy", "True", "nan", "NaN", "Infinity", "-Infinity", "undefined", "'a'", "a", "{", "}", "[", "]", "[1", "[1,",
        "[,1]",
        "[1,]", "[1 2]", "[1,,2]", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{a:1}", "{'a':1}", "{1:1}", "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "01", "-01", "00", "1.", ".5", "-", "-.5", "+1", "1e", "1e+", "1.e1", "1.5.5", "0x10", "1_000", "1,5", "- 1",
        "\"", "\"a", "\"\\\"", "\"\\", "\"\\x41\"", "\"\\'\"", "\"\\u\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\U0041\"", "\"a\nb\"", "\"a\tb\"",
        "\"a\0b\"",
        "\"\\ud800\"", "\"\\udbff\"", "\"\\udc00\"", "\"\\udfff\"", "\"\\ud800x\"", "\"\\ud800\\n\"", "\"\\ud800\\u0041\"", "\"\\ud800\\ud800\"",
        "\"\\ude00\\ud83d\"", "1 2", "{}{}", "[] x", "null null", "\"a\" \"b\"", "{} //", "/* */ {}", "{}\0", "\u{feff}{}", "\u{a0}1",
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "[{\"b\":{\"a\":1,\"c\":2,\"a\":1}}]",
    ]

    @Test("is refused as invalid_json", arguments: refused)
    func refuses(_ text: String) { Self.expectRefusal(Array(text.utf8)) }

    static func expectRefusal(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) {
        let problem = #expect(throws: Problem.self, sourceLocation: sourceLocation) { try JSON.read(bytes) }
        #expect(problem?.code == .invalidJSON, sourceLocation: sourceLocation)
    }

    /// Stray continuation, overlong slash, a surrogate, beyond U+10FFFF, cut off, Latin-1.
    static let notUTF8: [[UInt8]] = [
        [0x80], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0xff], [0xe9],
    ]

    @Test("text that is not UTF-8 is refused, plain, escaped or as a key", arguments: notUTF8)
    func encoding(_ bytes: [UInt8]) {
        Self.expectRefusal([0x22] + bytes + [0x22])
        Self.expectRefusal(Array("\"\\n".utf8) + bytes + [0x22])
        Self.expectRefusal(Array("{\"".utf8) + bytes + Array("\":1}".utf8))
        Self.expectRefusal(bytes)
    }

    @Test func `a key that comes twice is found among many`() throws {
        let members: [String] = (0..<200).map { "\"key\($0)\":\($0)" }
        let plain = "{" + members.joined(separator: ",") + "}"
        #expect(try JSON.read(plain).members?.count == 200)
        Self.expectRefusal(Array(("{" + members.joined(separator: ",") + ",\"key7\":0}").utf8))
        let few = "{" + members.prefix(24).joined(separator: ",") + ",\"key23\":0}"
        Self.expectRefusal(Array(few.utf8))
    }

    @Test func `nesting ends at depthMax`() throws {
        func nested(_ count: Int) -> String { String(repeating: "[", count: count) + String(repeating: "]", count: count) }
        func objects(_ count: Int) -> String { String(repeating: "{\"a\":", count: count) + "0" + String(repeating: "}", count: count) }
        #expect(try JSON.read(nested(JSON.depthMax + 1)).items?.count == 1)
        Self.expectRefusal(Array(nested(JSON.depthMax + 2).utf8))
        #expect(try JSON.read(objects(JSON.depthMax)).members?.count == 1)
        Self.expectRefusal(Array(objects(JSON.depthMax + 1).utf8))
    }

    @Test("a megabyte made to nest is refused at once", arguments: ["[", "{\"a\":", "[{\"a\":", "[[],"])
    func hostile(_ opening: String) {
        Self.expectRefusal(Array(String(repeating: opening, count: 1_000_000 / opening.utf8.count).utf8))
    }

    @Test func `long is not deep`() throws {
        let items: [String] = (0..<20_000).map { String($0) }
        let value = try JSON.read("[" + items.joined(separator: ",") + "]")
        #expect(value.items?.count == 20_000)
        #expect(value.items?.last?.integer == 19_999)
    }

    @Test func `damaged documents are refused or read, and never more than that`() throws {
        let chance = SeededChance(seed: 11)
        let text = #"{"price":{"amount":"12.50","currency":"USD"},"tags":["a","\u00e9\ud83d\ude00",null,true,-1.5e3],"x":[[{}]]}"#
        let whole = Array(text.utf8)
        var readBack = 0
        for _ in 0..<5_000 {
            var bytes = whole
            for _ in 0...chance.below(3) {
                switch chance.below(3) {
                case 0: bytes[chance.below(bytes.count)] = chance.bytes(1)[0]
                case 1: bytes.remove(at: chance.below(bytes.count))
                default: bytes.insert(whole[chance.below(whole.count)], at: chance.below(bytes.count))
                }
            }
            guard let value = try? JSON.read(bytes) else { continue }
            readBack += 1
            #expect(try JSON.read(value.bytes) == value)
        }
        #expect(readBack > 0)
    }

    @Test func `numbers keep their text and are whole only as written`() throws {
        #expect(try JSON.read("300").integer == 300)
        #expect(try JSON.read("-9223372036854775808").integer == .min)
        #expect(try JSON.read("9223372036854775808").integer == nil)
        #expect(try JSON.read("3e2").integer == nil)
        #expect(try JSON.read("300.0").integer == nil)
        #expect(try JSON.read("\"300\"").integer == nil)
    }

    @Test func `members keep their order, and what is absent is nil`() throws {
        let value = try JSON.read(#"{"b":[1],"a":null}"#)
        #expect(value.members?.map(\.key) == ["b", "a"])
        #expect(value["a"]?.isNull == true)
        #expect(value["c"]?.compact == nil)
        #expect(value["b"]?["c"]?.compact == nil)
        #expect(value["b"]?.items?.first?.integer == 1)
    }

    @Test func `text for people is indented by two`() throws {
        let value: JSON = ["a": [1, "x"], "b": [:], "c": []]
        let lines: [String] = ["{", "  \"a\": [", "    1,", "    \"x\"", "  ],", "  \"b\": {},", "  \"c\": []", "}"]
        #expect(value.pretty == lines.joined(separator: "\n"))
    }
}
