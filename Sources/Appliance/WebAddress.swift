import NIOCore

/// Where Till listens: `127.0.0.1:8402`, `[::1]:8402`, `localhost:0`.
package struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
    /// An address or a name, without brackets.
    package let host: String
    /// 0 takes any free port.
    package let port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`; nil for anything else.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        var host = text[..<colon]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(digits), port <= 65_535 else { return nil }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard WebAddress.isHost(host) else { return nil }
        self.init(host: String(host), port: port)
    }

    package var description: String { text(port: port) }

    /// The address with another port, bracketed where that is needed.
    package func text(port: Int) -> String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether only this machine can connect.
    package var isLoopback: Bool {
        if host == "localhost" || host == "::1" { return true }
        guard let address = WebAddress.canonical(host) else { return false }
        return address.hasPrefix("127.") || address == "::1"
    }
}

/// How addresses and origins of the web are written.
enum WebAddress {
    /// The one spelling of an IPv4 or IPv6 address, or nil where `text` is none.
    static func canonical(_ text: String) -> String? {
        do {
            return try SocketAddress(ipAddress: text, port: 0).ipAddress
        } catch {
            return nil
        }
    }

    /// `https://shop.example`, `http://127.0.0.1:3000`: scheme, host and port alone,
    /// in lower case, a last slash dropped. Nil for anything else.
    static func origin(_ text: String) -> String? {
        var rest = text.lowercased()[...]
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        let scheme = rest.hasPrefix("https://") ? "https://" : "http://"
        guard rest.hasPrefix(scheme) else { return nil }
        rest = rest.dropFirst(scheme.count)
        let authority = String(rest)
        // A port is optional here, and the rest is read as a listen address is.
        let hasPort = authority.hasSuffix("]") ? false : authority.contains(":")
        guard ListenAddress(hasPort ? authority : authority + ":0") != nil else { return nil }
        return scheme + authority
    }

    /// Letters, digits, dots, hyphens and, in IPv6 addresses, colons.
    static func isHost(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
                case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"): true
                default: false
                }
            }
    }
}
