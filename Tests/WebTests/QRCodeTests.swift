import Testing

@testable import Web

/// The codes that lead to a link: their pattern, and the two pictures of it.
@Suite struct QRCodeTests {
    static let url = "https://till.example/pay/3vQb6Zk0rYx1s9aT2mLw8c"

    @Test("a code has its three finder patterns")
    func finders() throws {
        let code = try QRCode(text: Self.url)
        #expect(code.width >= 21 && (code.width - 21).isMultiple(of: 4))
        #expect(code.modules.count == code.width * code.width)
        let far = code.width - 7
        for (x, y) in [(0, 0), (far, 0), (0, far)] {
            let corner = (0..<7).map { step in code.modules[y * code.width + x + step] }
            #expect(corner == [Bool](repeating: true, count: 7))
            let second = (0..<7).map { step in code.modules[(y + 1) * code.width + x + step] }
            #expect(second == [true, false, false, false, false, false, true])
        }
    }

    @Test("the same text gives the same code, another text another")
    func deterministic() throws {
        #expect(try QRCode(text: Self.url) == QRCode(text: Self.url))
        #expect(try QRCode(text: Self.url) != QRCode(text: Self.url + "x"))
    }

    @Test("a text without end is refused", arguments: [0, 2_332])
    func limits(count: Int) {
        #expect(throws: QRCodeFailure(byteCount: count)) { try QRCode(text: String(repeating: "a", count: count)) }
    }

    @Test("the largest text fits")
    func largest() throws {
        #expect(try QRCode(text: String(repeating: "a", count: 2_331)).width == 177)
    }

    @Test("the runs of a row cover its dark modules and no other")
    func runs() throws {
        let code = try QRCode(text: Self.url)
        for y in 0..<code.width {
            var row = [Bool](repeating: false, count: code.width)
            for run in code.darkRuns(row: y) {
                for x in run { row[x] = true }
            }
            #expect(row == Array(code.modules[(y * code.width)..<((y + 1) * code.width)]))
        }
    }

    @Test("an SVG stands alone, in the size asked for", arguments: [50, 240, 1_000])
    func svg(size: Int) throws {
        let code = try QRCode(text: Self.url)
        let svg = code.svg(size: size)
        let side = code.width + 8
        #expect(svg.hasPrefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\""))
        #expect(svg.hasSuffix("</svg>\n"))
        #expect(svg.contains("width=\"\(size)\" height=\"\(size)\" viewBox=\"0 0 \(side) \(side)\" role=\"img\""))
        // The top left finder pattern starts behind the quiet zone.
        #expect(svg.contains("d=\"M4 4h7v1h-7z"))
        #expect(!svg.contains("style"))
    }

    @Test("a PNG has its signature, its size and right checksums", arguments: [50, 240, 999, 1_000])
    func png(size: Int) throws {
        let code = try QRCode(text: Self.url)
        let chunks = try Self.chunks(code.png(size: size))
        #expect(chunks.map { $0.type } == ["IHDR", "IDAT", "IEND"])
        let header = chunks[0].data
        #expect(Self.number(header[0..<4]) == size)
        #expect(Self.number(header[4..<8]) == size)
        #expect(Array(header[8...]) == [1, 0, 0, 0, 0])
        // A zlib stream's first two bytes are a multiple of 31 (RFC 1950).
        #expect(Self.number(chunks[1].data[0..<2]).isMultiple(of: 31))
    }

    @Test("a code too fine for the size comes out larger, never unreadable")
    func fine() throws {
        let code = try QRCode(text: String(repeating: "a", count: 1_000))
        let header = try Self.chunks(code.png(size: 50))[0].data
        #expect(Self.number(header[0..<4]) == code.width + 8)
    }

    struct Malformed: Error {}

    /// The chunks of a PNG, their checksums computed anew by the standard's own definition.
    static func chunks(_ png: [UInt8]) throws -> [(type: String, data: [UInt8])] {
        guard png.prefix(8) == [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] else { throw Malformed() }
        var chunks: [(type: String, data: [UInt8])] = []
        var at = 8
        while at < png.count {
            guard at + 12 <= png.count else { throw Malformed() }
            let length = number(png[at..<(at + 4)])
            let end = at + 8 + length
            guard end + 4 <= png.count else { throw Malformed() }
            guard number(png[end..<(end + 4)]) == Int(checksum(png[(at + 4)..<end])) else { throw Malformed() }
            chunks.append((String(decoding: png[(at + 4)..<(at + 8)], as: UTF8.self), Array(png[(at + 8)..<end])))
            at = end + 4
        }
        return chunks
    }

    static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

    /// CRC-32 with the reversed polynomial, bit by bit.
    static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var crc: UInt32 = 0xffff_ffff
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
        }
        return ~crc
    }
}
