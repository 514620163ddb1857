import Foundation
import HTTPTypes
import Kernel
import Payments
import Testing

@testable import Web

/// Headers that every answer has, and those that depend on who asks.
@Suite struct HeaderTests {
    /// One answer of each kind.
    struct Kind: Sendable, CustomTestStringConvertible {
        let what: String
        var method: HTTPRequest.Method = .get
        let path: String
        var headers: HTTPFields = [:]
        let status: Int
        var isPage = false
        var isAsset = false

        var testDescription: String { what }
    }

    static let kinds: [Kind] = [
        Kind(what: "JSON", path: "/health", status: 200),
        Kind(what: "a page", path: "/admin/setup", status: 200, isPage: true),
        Kind(what: "a refusal", path: "/nope", status: 404),
        Kind(what: "a refusal as a page", path: "/nope", headers: CounterFixture.browser, status: 404, isPage: true),
        Kind(what: "a refused key", path: "/api/products", status: 401),
        Kind(what: "a refused method", method: .put, path: "/health", status: 405),
        Kind(what: "a redirect", path: "/admin", status: 303),
        Kind(what: "a preflight", method: .options, path: "/api/products", status: 204),
        Kind(what: "a style sheet", path: "/assets/till.css", status: 200, isAsset: true),
        Kind(what: "a script", path: "/assets/pay.js", status: 200, isAsset: true),
        Kind(what: "another script", path: "/assets/setup.js", status: 200, isAsset: true),
        Kind(what: "the icon", path: "/favicon.ico", status: 204),
    ]

    @Test("every answer forbids what it does not need", arguments: kinds)
    func security(_ kind: Kind) async throws {
        let fixture = try await CounterFixture()
        let answer = try await fixture.send(kind.method, kind.path, kind.headers)
        let headers = answer.headers
        #expect(answer.status == kind.status)
        #expect(headers[.contentTypeOptions] == "nosniff")
        #expect(headers[.frameOptions] == "DENY")
        #expect(headers[.referrerPolicy] == "no-referrer")
        #expect(headers[.openerPolicy] == "same-origin")
        #expect(headers[.requestID] != nil)
        #expect(headers[.strictTransportSecurity] == nil, "plain http knows of no TLS")
        #expect(headers[.cacheControl] == (kind.isAsset ? "public, max-age=300" : "no-store"))
        #expect(headers[values: .cacheControl].count == 1)
        let policy = try #require(headers[.contentSecurityPolicy])
        #expect(policy.hasPrefix("default-src 'none';"))
        #expect(policy.contains("frame-ancestors 'none'"))
        for word in ["unsafe-inline", "unsafe-eval", "*", "http:"] { #expect(!policy.contains(word)) }
        #expect(policy.contains("script-src 'self'") == kind.isPage)
        #expect(policy.contains("base-uri 'none'") == kind.isPage)
        #expect((headers[.contentType]?.hasPrefix("text/html") ?? false) == kind.isPage)
    }

    @Test("pages bring no script or style of their own")
    func pagesAreClean() async throws {
        let fixture = try await CounterFixture()
        let link = try await fixture.link()
        for path in ["/admin/setup", "/pay/" + link.token] {
            let html = try await fixture.get(path, CounterFixture.browser).text
            #expect(!html.contains("<style") && !html.contains(" style=") && !html.contains(" onclick="), "\(path)")
            for script in html.components(separatedBy: "<script").dropFirst() { #expect(script.hasPrefix(" src=\"/assets/"), "\(path)") }
        }
    }

    @Test("over https, browsers are told to stay there")
    func https() async throws {
        let fixture = try await CounterFixture { $0.publicURL = "https://till.test" }
        for path in ["/health", "/admin/setup", "/nope"] {
            #expect(try await fixture.get(path).headers[.strictTransportSecurity] == "max-age=31536000")
        }
    }

    static let exposed = ["PAYMENT-REQUIRED", "PAYMENT-RESPONSE", "X-PAYMENT-RESPONSE", "X-Request-Id", "Retry-After", "Idempotent-Replayed"]

    @Test("a listed origin may read the answer, x402's headers included")
    func listedOrigin() async throws {
        let fixture = try await CounterFixture { $0.allowedOrigins = ["https://shop.example", "https://other.example"] }
        let link = try await fixture.link()
        for path in ["/health", "/nope", "/api/products", "/pay/" + link.token] {
            let answer = try await fixture.get(path, [.origin: "https://shop.example"])
            #expect(answer.headers[.accessControlAllowOrigin] == "https://shop.example")
            #expect(answer.headers[.vary] == "Origin")
            #expect(answer.headers[.accessControlAllowCredentials] == nil)
            let readable = try #require(answer.headers[.accessControlExposeHeaders])
            for name in Self.exposed { #expect(readable.contains(name)) }
        }
    }

    @Test(
        "any other origin may not",
        arguments: ["https://evil.example", "https://shop.example.evil.example", "http://shop.example", "https://shop.example:444", "null", "*"])
    func otherOrigin(_ origin: String) async throws {
        let fixture = try await CounterFixture { $0.allowedOrigins = ["https://shop.example"] }
        let methods: [HTTPRequest.Method] = [.get, .options]
        for method in methods {
            let answer = try await fixture.send(method, "/health", [.origin: origin])
            #expect(answer.headers[.accessControlAllowOrigin] == nil)
            #expect(answer.headers[.accessControlExposeHeaders] == nil)
            #expect(answer.headers[.vary] == "Origin")
        }
        #expect(try await fixture.get("/health").headers[.accessControlAllowOrigin] == nil, "no origin, no permission")
    }

    @Test("a star lets every origin in, none by default")
    func star() async throws {
        let open = try await CounterFixture { $0.allowedOrigins = ["*"] }
        #expect(try await open.get("/health", [.origin: "https://any.example"]).headers[.accessControlAllowOrigin] == "https://any.example")
        let closed = try await CounterFixture()
        #expect(try await closed.get("/health", [.origin: "https://any.example"]).headers[.accessControlAllowOrigin] == nil)
    }

    @Test("a preflight asks nothing of the caller, and allows what x402 clients send", arguments: ["/health", "/api/products", "/pay/none", "/nope"])
    func preflight(_ path: String) async throws {
        let fixture = try await CounterFixture { $0.allowedOrigins = ["https://shop.example"] }
        let answer = try await fixture.send(
            .options, path,
            [.origin: "https://shop.example", .accessControlRequestMethod: "GET", .accessControlRequestHeaders: "payment-signature"])
        #expect(answer.status == 204)
        #expect(answer.body.isEmpty)
        #expect(answer.headers[.accessControlAllowOrigin] == "https://shop.example")
        let methods = try #require(answer.headers[.accessControlAllowMethods])
        for method in ["GET", "POST", "PATCH", "DELETE"] { #expect(methods.contains(method)) }
        let headers = try #require(answer.headers[.accessControlAllowHeaders])
        for name in [
            "PAYMENT-SIGNATURE", "X-PAYMENT", "SIGN-IN-WITH-X", "Access-Control-Expose-Headers", "Authorization", "X-Api-Key", "Content-Type",
            "Idempotency-Key",
        ] {
            #expect(headers.contains(name))
        }
        #expect(answer.headers[.accessControlMaxAge] == "600")
        #expect(answer.headers[.paymentRequired] == nil)
    }
}
