import Kernel
import Testing

@Suite struct FieldsTests {
    /// One value that a reader refuses, and what it says about it.
    struct Refusal: Sendable, CustomTestStringConvertible {
        let body: String
        let code: Problem.Code
        let param: String
        let read: @Sendable (inout Fields) throws -> Void
        var testDescription: String { body }

        init(_ body: String, _ code: Problem.Code, _ param: String, _ read: @escaping @Sendable (inout Fields) throws -> Void) {
            self.body = body
            self.code = code
            self.param = param
            self.read = read
        }
    }

    @Sendable static func text(_ fields: inout Fields) throws { _ = try fields.text("name", 1...3) }
    @Sendable static func flag(_ fields: inout Fields) throws { _ = try fields.flag("active") }
    @Sendable static func count(_ fields: inout Fields) throws { _ = try fields.integer("count", 0...9) }
    @Sendable static func time(_ fields: inout Fields) throws { _ = try fields.time("at") }
    @Sendable static func amount(_ fields: inout Fields) throws { _ = try fields.amount("price") }
    @Sendable static func metadata(_ fields: inout Fields) throws { _ = try fields.metadata("metadata") }

    static let refusals: [Refusal] = [
        Refusal(#"{"name":1}"#, .invalidField, "name", text),
        Refusal(#"{"name":["a"]}"#, .invalidField, "name", text),
        Refusal(#"{"name":""}"#, .invalidField, "name", text),
        Refusal(#"{"name":"abcd"}"#, .invalidField, "name", text),
        Refusal(#"{"name":"a\nb"}"#, .invalidField, "name", text),
        Refusal(#"{"name":"\u007f"}"#, .invalidField, "name", text),
        Refusal(#"{"active":"true"}"#, .invalidField, "active", flag),
        Refusal(#"{"active":1}"#, .invalidField, "active", flag),
        Refusal(#"{"count":"1"}"#, .invalidField, "count", count),
        Refusal(#"{"count":1.5}"#, .invalidField, "count", count),
        Refusal(#"{"count":10}"#, .invalidField, "count", count),
        Refusal(#"{"count":-1}"#, .invalidField, "count", count),
        Refusal(#"{"count":99999999999999999999}"#, .invalidField, "count", count),
        Refusal(#"{"at":"tomorrow"}"#, .invalidField, "at", time),
        Refusal(#"{"at":1794774600}"#, .invalidField, "at", time),
        Refusal(#"{"price":"12.50"}"#, .invalidField, "price", amount),
        Refusal(#"{"price":{}}"#, .missingField, "price.currency", amount),
        Refusal(#"{"price":{"currency":"USD"}}"#, .missingField, "price.amount", amount),
        Refusal(#"{"price":{"amount":"1"}}"#, .missingField, "price.currency", amount),
        Refusal(#"{"price":{"amount":12.5,"currency":"USD"}}"#, .invalidField, "price.amount", amount),
        Refusal(#"{"price":{"amount":"1","currency":"XYZ"}}"#, .invalidField, "price.currency", amount),
        Refusal(#"{"price":{"amount":"1.005","currency":"USD"}}"#, .invalidAmount, "price.amount", amount),
        Refusal(#"{"price":{"amount":"1","currency":"USD","tax":"0"}}"#, .unknownField, "price.tax", amount),
        Refusal(#"{"metadata":"a"}"#, .invalidField, "metadata", metadata),
        Refusal(#"{"metadata":{"a":1}}"#, .invalidField, "metadata", metadata),
        Refusal(#"{"metadata":{"":"a"}}"#, .invalidField, "metadata", metadata),
    ]

    @Test("a value that cannot be used is refused by name", arguments: refusals)
    func refuses(_ line: Refusal) throws {
        var fields = try Fields(JSON.read(line.body))
        let problem = #expect(throws: Problem.self) { try line.read(&fields) }
        #expect(problem?.code == line.code)
        #expect(problem?.param == line.param)
        #expect(problem?.detail.contains(line.param) == true)
    }

    @Test func `every reader gives what is there`() throws {
        let body = """
            {"name":"ab","active":false,"count":9,"at":"1970-01-01T00:00:01Z",
            "price":{"amount":"1.50","currency":"USDC"},"metadata":{"k":"v"}}
            """
        var fields = try Fields(JSON.read(body))
        let name = try fields.text("name", 1...3)
        let active = try fields.flag("active")
        let count = try fields.integer("count", 0...9)
        let time = try fields.time("at")
        let price = try fields.amount("price")
        let metadata = try fields.metadata("metadata")
        #expect(name == "ab")
        #expect(active == false)
        #expect(count == 9)
        #expect(time == Timestamp(milliseconds: 1_000))
        #expect(price == Amount(1_500_000, .usdc))
        #expect(metadata == JSON.object([JSON.Member("k", "v")]))
        try fields.finish()
    }

    @Test func `what is absent or null is nil, and null is told apart by has`() throws {
        var fields = try Fields(JSON.read(#"{"name":null}"#))
        let name = try fields.text("name", 1...3)
        let active = try fields.flag("active")
        let count = try fields.integer("count", 0...9)
        let time = try fields.time("at")
        let price = try fields.amount("price")
        let metadata = try fields.metadata("metadata")
        #expect(name == nil)
        #expect(active == nil)
        #expect(count == nil)
        #expect(time == nil)
        #expect(price == nil)
        #expect(metadata?.compact == nil)
        #expect(fields.has("name"))
        #expect(!fields.has("active"))
        try fields.finish()
    }

    @Test func `a field that nothing asked for is refused`() throws {
        var fields = try Fields(JSON.read(#"{"name":"ab","nmae":"x"}"#), at: "product")
        _ = try fields.text("name", 1...3)
        let problem = #expect(throws: Problem.self) { try fields.finish() }
        #expect(problem?.code == .unknownField)
        #expect(problem?.param == "product.nmae")
        #expect(problem?.detail.contains("name") == true)
    }

    @Test("a body that is no object is refused", arguments: ["[]", "null", "1", "\"{}\""])
    func body(_ text: String) throws {
        let json = try JSON.read(text)
        let problem = #expect(throws: Problem.self) { try Fields(json) }
        #expect(problem?.code == .invalidField)
        #expect(problem?.param == nil)
        let nested = #expect(throws: Problem.self) { try Fields(json, at: "price") }
        #expect(nested?.param == "price")
    }

    @Test func `what is missing is named in full`() throws {
        let fields = try Fields(JSON.read("{}"), at: "price")
        #expect(fields.missing("amount") == Problem(.missingField, "price.amount is required.", param: "price.amount"))
        #expect(fields.name("amount") == "price.amount")
    }

    @Test func `lines are allowed only where they are asked for`() throws {
        var fields = try Fields(JSON.read(#"{"note":"a\r\n\tb","bell":"a\u0007b"}"#))
        let note = try fields.text("note", 1...9, lines: true)
        #expect(note == "a\r\n\tb")
        #expect(throws: Problem.self) { try fields.text("bell", 1...9, lines: true) }
    }

    @Test func `length is counted in characters a person would count as code points`() throws {
        var fields = try Fields(JSON.read(#"{"name":"é😀x"}"#))
        let name = try fields.text("name", 3...3)
        #expect(name == "é😀x")
    }

    @Test func `metadata has bounds`() throws {
        func read(_ metadata: JSON) throws -> JSON? {
            var fields = try Fields(["metadata": metadata])
            return try fields.metadata("metadata")
        }
        let key = String(repeating: "k", count: 40)
        let value = String(repeating: "v", count: 500)
        let twenty = JSON.object((0..<20).map { JSON.Member("key\($0)", "v") })
        let few = try read(twenty)
        let long = try read(.object([JSON.Member(key, .string(value))]))
        #expect(few == twenty)
        #expect(long?.members?.count == 1)
        #expect(throws: Problem.self) { try read(.object((0..<21).map { JSON.Member("key\($0)", "v") })) }
        #expect(throws: Problem.self) { try read(.object([JSON.Member(key + "k", "v")])) }
        #expect(throws: Problem.self) { try read(.object([JSON.Member("k", .string(value + "v"))])) }
    }
}
