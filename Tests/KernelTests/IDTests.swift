import Kernel
import Simulation
import Testing

@Suite struct IDTests {
    static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
    static let start = World.simulatedStart

    /// The 128 bits behind an id, or nil where a character is none of the alphabet's.
    static func bits(_ id: String) -> UInt128? {
        var value: UInt128 = 0
        for byte in id.utf8.suffix(26) {
            guard let digit = alphabet.firstIndex(of: byte) else { return nil }
            value = value << 5 | UInt128(digit)
        }
        return value
    }

    /// Whether every id is above the one before it, as text.
    static func rise(_ ids: [String]) -> Bool { zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 } }

    @Test("prefix, underscore, and a UUIDv7 in 26 characters", arguments: IDPrefix.allCases)
    func form(_ prefix: IDPrefix) throws {
        let simulated = World.simulated(seed: 1)
        let id = simulated.world.newID(prefix)
        #expect(id.hasPrefix(prefix.rawValue + "_"))
        #expect(id.utf8.count == prefix.rawValue.utf8.count + 1 + 26)
        let bits = try #require(Self.bits(id))
        #expect(bits >> 76 & 0xf == 7)
        #expect(bits >> 62 & 0b11 == 0b10)
        #expect(Int64(bits >> 80) == Self.start.milliseconds)
        #expect(IDs.time(of: id) == Self.start)
    }

    @Test func `prefixes are told apart`() { #expect(Set(IDPrefix.allCases.map(\.rawValue)).count == IDPrefix.allCases.count) }

    @Test func `ids rise within one millisecond`() {
        let simulated = World.simulated(seed: 2)
        let ids: [String] = (0..<5_000).map { _ in simulated.world.newID(.payment) }
        #expect(Self.rise(ids))
    }

    @Test func `ids rise while the clock goes back`() {
        let simulated = World.simulated(seed: 3)
        var ids: [String] = []
        for step in 0..<500 {
            ids.append(simulated.world.newID(.payment))
            simulated.time.set(simulated.time.now() + Duration.milliseconds(step.isMultiple(of: 3) ? -40 : 10))
        }
        #expect(Self.rise(ids))
    }

    @Test func `a full random part carries into the time and stays a UUIDv7`() throws {
        let ids = IDs()
        let ones = [UInt8](repeating: 0xff, count: 10)
        let made: [String] = (0..<1_000).map { _ in ids.next(.event, at: Self.start, random: ones) }
        #expect(Self.rise(made))
        for id in made {
            let bits = try #require(Self.bits(id))
            #expect(bits >> 76 & 0xf == 7 && bits >> 62 & 0b11 == 0b10)
        }
        #expect(IDs.time(of: made[1]) == Self.start + Duration.milliseconds(1))
    }

    @Test func `no id after a restart is below one before it, though the clock was set back`() throws {
        let chance = SeededChance(seed: 4)
        let before = IDs()
        let old: [String] = (0..<100).map { _ in before.next(.event, at: Self.start, random: chance.bytes(10)) }
        let newest = try #require(old.last.flatMap { IDs.time(of: $0) })
        let after = IDs()
        after.raise(to: newest)
        let new: [String] = (0..<100).map { _ in after.next(.event, at: Self.start - Duration.seconds(3_600), random: chance.bytes(10)) }
        #expect(Self.rise(old + new))
        // Later, the clock alone decides again.
        #expect(IDs.time(of: after.next(.event, at: Self.start + Duration.seconds(1), random: chance.bytes(10))) == Self.start + Duration.seconds(1))
    }

    @Test func `raising to an earlier moment changes nothing`() {
        let ids = IDs()
        let first = ids.next(.event, at: Self.start, random: [UInt8](repeating: 1, count: 10))
        ids.raise(to: Self.start - Duration.seconds(3_600))
        let second = ids.next(.event, at: Self.start, random: [UInt8](repeating: 2, count: 10))
        #expect(first < second)
        #expect(IDs.time(of: second) == Self.start)
    }

    @Test func `many at once make no id twice, and copies of a world share them`() async {
        let simulated = World.simulated(seed: 5)
        let all = await withTaskGroup(of: [String].self) { group in
            for _ in 0..<8 {
                let world = simulated.world
                group.addTask { (0..<500).map { _ in world.newID(.payment) } }
            }
            var ids: Set<String> = []
            for await made in group { ids.formUnion(made) }
            return ids
        }
        #expect(all.count == 4_000)
    }

    static let foreign: [String] = [
        "", "_", "pay", "pay_", "pay_1", "01k9zzzzzzzzzzzzzzzzzzzzzz", "pay_01K9ZZZZZZZZZZZZZZZZZZZZZZ", "pay_01k9zzzzzzzzzzzzzzzzzzzzzu",
        "pay_01k9zzzzzzzzzzzzzzzzzzzzz", "pay_01k9zzzzzzzzzzzzzzzzzzzzzzz", "pay_01k9zzzzzzzzzzz zzzzzzzzzz",
    ]

    @Test("a text that is no id has no time", arguments: foreign)
    func time(_ text: String) { #expect(IDs.time(of: text) == nil) }
}
