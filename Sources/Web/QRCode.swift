import CQREncode

/// A QR code: a square of dark and light modules that a phone reads as text.
///
/// Error correction level M, which survives 15 % of damage; libqrencode picks the
/// smallest version that holds the text. At most 2 331 bytes fit.
package struct QRCode: Sendable, Equatable {
    /// Modules a side, without the quiet zone: 21 to 177.
    package let width: Int
    /// Row by row from the top left; true is dark.
    package let modules: [Bool]

    /// Light modules on every side, without which scanners miss the code: four, by ISO/IEC 18004.
    package static let quietZone = 4

    /// The image sizes that may be asked for, in pixels a side.
    package static let sizes: ClosedRange<Int> = 50...1000

    /// - Throws: `QRCodeFailure` where `text` is empty or longer than a code can hold.
    package init(text: String) throws {
        let bytes = Array(text.utf8)
        guard let code = QRcode_encodeData(Int32(clamping: bytes.count), bytes, 0, QR_ECLEVEL_M) else {
            throw QRCodeFailure(byteCount: bytes.count)
        }
        defer { QRcode_free(code) }
        let width = Int(code.pointee.width)
        // The lowest bit of each byte is the module's colour; the others tell what it is for.
        let data = UnsafeMutableBufferPointer<UInt8>(start: code.pointee.data, count: width * width)
        self.width = width
        modules = data.map { $0 & 1 == 1 }
    }

    /// A standalone SVG document, `size` pixels a side: white ground, one black path.
    ///
    /// - Precondition: `size` lies in `sizes`.
    package func svg(size: Int) -> String {
        precondition(Self.sizes.contains(size))
        let side = width + 2 * Self.quietZone
        var path = ""
        for y in 0..<width {
            for run in darkRuns(row: y) {
                path += "M\(run.lowerBound + Self.quietZone) \(y + Self.quietZone)h\(run.count)v1h-\(run.count)z"
            }
        }
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <svg xmlns="http://www.w3.org/2000/svg" width="\(size)" height="\(size)" viewBox="0 0 \(side) \(side)" \
            role="img" aria-label="QR code" shape-rendering="crispEdges">\
            <rect width="\(side)" height="\(side)" fill="#fff"/><path fill="#000" d="\(path)"/></svg>

            """
    }

    /// The stretches of dark modules in one row, left to right.
    func darkRuns(row: Int) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var start: Int?
        for x in 0..<width {
            let isDark = modules[row * width + x]
            if isDark, start == nil { start = x }
            if !isDark, let from = start {
                runs.append(from..<x)
                start = nil
            }
        }
        if let from = start { runs.append(from..<width) }
        return runs
    }
}

/// The text is empty or longer than a code can hold.
package struct QRCodeFailure: Error, Sendable, Equatable {
    package let byteCount: Int
}
