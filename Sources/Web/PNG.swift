import CZlib

extension QRCode {
    /// A PNG image, `size` pixels a side: black on white, one bit a pixel.
    ///
    /// Every module is the same whole number of pixels, since scanners misread
    /// uneven ones; what is left over widens the quiet zone, evenly. A code with
    /// more modules than `size` has pixels comes out larger than asked, one pixel
    /// a module, because a smaller one could not be read.
    ///
    /// - Precondition: `size` lies in `sizes`.
    package func png(size: Int) -> [UInt8] {
        precondition(Self.sizes.contains(size))
        let side = width + 2 * Self.quietZone
        let pixels = max(size, side)
        let scale = pixels / side
        let margin = (pixels - width * scale) / 2
        let white = [UInt8](repeating: 0xff, count: (pixels + 7) / 8)
        var rows = [[UInt8]](repeating: white, count: pixels)
        for y in 0..<width {
            var row = white
            for run in darkRuns(row: y) {
                for x in (margin + run.lowerBound * scale)..<(margin + run.upperBound * scale) {
                    let bit: UInt8 = 0x80 >> UInt8(x % 8)
                    row[x / 8] &= ~bit
                }
            }
            for line in 0..<scale { rows[margin + y * scale + line] = row }
        }
        return PNG.encode(width: pixels, rows: rows)
    }
}

/// Writes grey images of one bit a pixel (PNG, third edition, colour type 0).
enum PNG {
    private static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

    /// - Parameter width: Pixels a row.
    /// - Parameter rows: From the top; `(width + 7) / 8` bytes each, the highest
    ///   bit leftmost, 1 for white.
    static func encode(width: Int, rows: [[UInt8]]) -> [UInt8] {
        precondition(rows.allSatisfy { $0.count == (width + 7) / 8 })
        var raw: [UInt8] = []
        for row in rows {
            raw.append(0)  // Filter type "none", which compresses flat black and white best.
            raw.append(contentsOf: row)
        }
        // Bit depth 1, colour type grey, then the only defined compression and filter methods, not interlaced.
        let header: [UInt8] = bigEndian(UInt32(width)) + bigEndian(UInt32(rows.count)) + [1, 0, 0, 0, 0]
        return signature + chunk("IHDR", header) + chunk("IDAT", deflated(raw)) + chunk("IEND", [])
    }

    /// Length, type, data, and the CRC-32 of the last two.
    private static func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
        let body: [UInt8] = Array(type.utf8) + data
        let checksum = crc32(0, body, uInt(body.count))
        return bigEndian(UInt32(data.count)) + body + bigEndian(UInt32(truncatingIfNeeded: checksum))
    }

    /// `bytes` as a zlib stream (RFC 1950).
    private static func deflated(_ bytes: [UInt8]) -> [UInt8] {
        var length = compressBound(uLong(bytes.count))
        var out = [UInt8](repeating: 0, count: Int(length))
        let result = compress2(&out, &length, bytes, uLong(bytes.count), 9)
        // With a buffer of the bound's size, only a lack of memory is left to go wrong.
        precondition(result == Z_OK, "zlib answered \(result)")
        return Array(out.prefix(Int(length)))
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] {
        let shifts: [UInt32] = [24, 16, 8, 0]
        return shifts.map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
