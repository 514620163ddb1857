import Mustache

/// How text becomes HTML: the five characters that mean something are escaped.
///
/// Replaces the library's own escaping, which compares whole `Character`s: a
/// quote followed by a combining accent is one `Character`, is not found in its
/// table, and would end the attribute it stands in. This one compares bytes, and
/// the bytes of these five characters occur in UTF-8 as nothing else.
///
/// Chosen by the first line of `page.mustache`, which every page is drawn inside.
struct HTMLText: MustacheContentType {
    /// The name by which `page.mustache` asks for it.
    static let name = "TILL"

    func escapeText(_ text: String) -> String {
        var out: [UInt8] = []
        out.reserveCapacity(text.utf8.count + 16)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "<"): out.append(contentsOf: "&lt;".utf8)
            case UInt8(ascii: ">"): out.append(contentsOf: "&gt;".utf8)
            case UInt8(ascii: "&"): out.append(contentsOf: "&amp;".utf8)
            case UInt8(ascii: "\""): out.append(contentsOf: "&quot;".utf8)
            case UInt8(ascii: "'"): out.append(contentsOf: "&#39;".utf8)
            default: out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
