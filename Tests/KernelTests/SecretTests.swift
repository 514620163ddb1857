import Kernel
import Testing

@Suite struct SecretTests {
    struct Holder {
        let name: String
        let key: Secret<String>
        let bytes: Secret<[UInt8]>?
    }

    enum Choice { case secret(Secret<String>) }

    static let hidden = "hush-7c1f"
    static let secret = Secret(hidden)

    /// Everything that Swift can make of a value without being told how.
    static func shown<Value>(_ value: Value) -> [String] {
        var dumped = ""
        dump(value, to: &dumped)
        var printed = ""
        print(value, to: &printed)
        var debugged = ""
        debugPrint(value, to: &debugged)
        let children: [String] = Mirror(reflecting: value).children.map { "\($0.value)" }
        return [dumped, printed, debugged, "\(value)", String(describing: value), String(reflecting: value), children.joined()]
    }

    @Test func `no way of printing shows it, alone or inside something`() {
        let holder = Holder(name: "shop", key: Self.secret, bytes: Secret(Array(Self.hidden.utf8)))
        let number = Array(Self.hidden.utf8).map { String($0) }.joined(separator: ", ")
        var all: [String] = Self.shown(Self.secret)
        all += Self.shown(holder)
        all += Self.shown([Self.secret])
        all += Self.shown(["key": Self.secret])
        all += Self.shown(Optional(Self.secret))
        all += Self.shown((1, Self.secret))
        all += Self.shown(Choice.secret(Self.secret))
        all += Self.shown(Secret(Self.secret))
        for text in all {
            #expect(!text.contains(Self.hidden))
            #expect(!text.contains(number))
        }
        #expect("\(Self.secret)" == "•••")
        #expect(String(reflecting: Self.secret) == "•••")
        #expect("\(holder)".contains("•••"))
        #expect("\(holder)".contains("shop"))
    }

    @Test func `mirrors find nothing in it`() {
        #expect(Mirror(reflecting: Self.secret).children.isEmpty)
        #expect(Mirror(reflecting: Self.secret).descendant("value") == nil)
    }

    @Test func `an error that carries one does not tell it`() {
        struct Refused: Error { let key: Secret<String> }
        let error: any Error = Refused(key: Self.secret)
        #expect(!"\(error)".contains(Self.hidden))
        #expect(!String(reflecting: error).contains(Self.hidden))
    }

    @Test func `it is read by its one long word`() { #expect(Self.secret.exposeSecret() == Self.hidden) }

    @Test func `bytes are compared whole`() {
        #expect(equalInConstantTime([], []))
        #expect(equalInConstantTime([1, 2, 3], [1, 2, 3]))
        #expect(!equalInConstantTime([1, 2, 3], [1, 2]))
        #expect(!equalInConstantTime([1, 2, 3], [1, 2, 4]))
        #expect(!equalInConstantTime([0x80, 2, 3], [0, 2, 3]))
        #expect(!equalInConstantTime([], [0]))
    }
}
