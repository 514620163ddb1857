import Kernel
import Simulation
import Testing

@Suite struct HexTests {
    @Test func `two lower-case digits a byte`() {
        #expect(Hex.encode([UInt8]()) == "")
        #expect(Hex.encode([0x00, 0x0f, 0xf0, 0xff, 0x9a] as [UInt8]) == "000ff0ff9a")
    }

    @Test func `either case is read, with or without 0x`() {
        #expect(Hex.decode("") == [])
        #expect(Hex.decode("0x") == [])
        #expect(Hex.decode("000Ff0") == [0x00, 0x0f, 0xf0])
        #expect(Hex.decode("0xDeadBeef") == [0xde, 0xad, 0xbe, 0xef])
        #expect(Hex.decode("0Xab") == [0xab])
    }

    @Test("anything else is refused", arguments: ["0", "abc", "0x0", "gg", "0x 1", "12 34", "12\n", "x12", "0x0x12", "é0", "1２", "+1", "-1"])
    func refuses(_ text: String) { #expect(Hex.decode(text) == nil) }

    @Test func `what is written is read back`() {
        let chance = SeededChance(seed: 3)
        for count in 0..<200 {
            let bytes = chance.bytes(count)
            #expect(Hex.decode(Hex.encode(bytes)) == bytes)
        }
    }
}
