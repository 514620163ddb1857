import HTTPTypes
import Kernel
import WebAssets

extension Counter {
    func openAPI(_ call: Call) async throws -> Reply { .json(OpenAPI.document(version: options.version, server: options.publicURL)) }

    /// Where a problem's `type` leads: the list of every code.
    func errors(_ call: Call) async throws -> Reply {
        Reply(body: .bytes(Array(ErrorsPage.markdown.utf8), type: "text/markdown; charset=utf-8"))
    }

    func css(_ call: Call) async throws -> Reply { asset(WebAssets.tillCSS, "text/css; charset=utf-8") }
    func payScript(_ call: Call) async throws -> Reply { asset(WebAssets.payJS, "text/javascript; charset=utf-8") }
    func setupScript(_ call: Call) async throws -> Reply { asset(WebAssets.setupJS, "text/javascript; charset=utf-8") }
    func favicon(_ call: Call) async throws -> Reply { Reply(status: .noContent) }

    private func asset(_ bytes: [UInt8], _ type: String) -> Reply {
        var reply = Reply(body: .bytes(bytes, type: type))
        // The binary brings its own files: after an upgrade a page must not meet the old ones for long.
        reply.headers[.cacheControl] = "public, max-age=300"
        return reply
    }

    func home(_ call: Call) async throws -> Reply {
        call.isBrowser ? .redirect(to: "/admin") : .json(["service": "till", "version": .string(options.version), "openapi": "/openapi.json"])
    }
}
