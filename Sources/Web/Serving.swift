import Access
import Foundation
import GRDB
import HTTPTypes
import Hummingbird
import Kernel
import Logging
import NIOCore
import Storage

/// Serves the route table: what every request goes through, so that no handler can forget it.
///
/// In this order: request id, CORS, door, size and time of the body, idempotency
/// key, handler, problems, headers.
struct Serving: Sendable {
    let counter: Counter
    let logger: Logger
    private let json: HTTPFields
    private let html: HTTPFields

    init(counter: Counter, logger: Logger) {
        self.counter = counter
        self.logger = logger
        var common = HTTPFields()
        common[.contentTypeOptions] = "nosniff"
        common[.frameOptions] = "DENY"
        common[.referrerPolicy] = "no-referrer"
        common[.openerPolicy] = "same-origin"
        common[.cacheControl] = "no-store"
        if counter.isSecure { common[.strictTransportSecurity] = "max-age=31536000" }
        var json = common
        json[.apiVersion] = "1"
        json[.contentSecurityPolicy] = "default-src 'none'; frame-ancestors 'none'"
        var html = common
        html[.contentSecurityPolicy] =
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
            + "frame-ancestors 'none'; base-uri 'none'"
        self.json = json
        self.html = html
    }

    /// The router with every route, and a clear refusal of every other method.
    func router(_ routes: [Route]) -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: Unrouted(serving: self))
        var methods: [String: [HTTPRequest.Method]] = [:]
        for route in routes {
            methods[route.path, default: []].append(route.method)
            let handler = route.handler(counter)
            router.on(RouterPath(route.path), method: route.method) { request, context in
                await serve(request, context, route, handler)
            }
        }
        let known: [HTTPRequest.Method] = [.get, .post, .put, .patch, .delete, .trace, .connect, .head]
        for (path, taken) in methods {
            let allowed = (taken.map(\.rawValue) + (taken.contains(.get) ? ["HEAD"] : []) + ["OPTIONS"]).sorted().joined(separator: ", ")
            for method in known where !taken.contains(method) && !(method == .head && taken.contains(.get)) {
                router.on(RouterPath(path), method: method) { request, _ in refuseMethod(request, allowed: allowed) }
            }
        }
        return router
    }

    private func refuseMethod(_ request: Request, allowed: String) -> Response {
        var response = problem(Problem(.methodNotAllowed, "This address takes \(allowed)."), request)
        response.headers[.allow] = allowed
        return response
    }

    private func serve(
        _ request: Request, _ context: BasicRequestContext, _ route: Route, _ handler: @Sendable (Call) async throws -> Reply
    ) async -> Response {
        let requestID = requestID(of: request)
        do {
            let (principal, session) = try await admit(request, route)
            if route.door == .session, session == nil { return finish(signInFirst(request, route), requestID, request) }
            let body = try await body(of: request, route)
            let call = Call(
                requestID: requestID, isHead: request.method == .head, headers: request.headers, query: Query(request.uri.query), parameters: context.parameters, body: body,
                principal: principal, session: session, claim: try claim(request, route, principal, body))
            return finish(try await handler(call), requestID, request)
        } catch {
            let problem = ProblemResponses.problem(for: error, requestID: requestID, logger: logger)
            return finish(reply(to: problem, request, requestID), requestID, request)
        }
    }

    // MARK: - Coming in

    /// The client's own id where it sent a sane one, or a new one.
    func requestID(of request: Request) -> String {
        if let given = request.headers[.requestID], (1...128).contains(given.utf8.count),
            given.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0) || $0 == 0x2d || $0 == 0x5f || $0 == 0x2e })
        {
            return given
        }
        return counter.world.newID(.request)
    }

    private func admit(_ request: Request, _ route: Route) async throws -> (Principal?, Session?) {
        switch route.door {
        case .open: return (nil, nil)
        case .facilitator where counter.options.facilitatorIsOpen && secret(of: request) == nil: return (nil, nil)
        case .facilitator: return (try await principal(of: request, .payments), nil)
        case .key(let scope): return (try await principal(of: request, scope), nil)
        case .session:
            let session = try await counter.session(of: request.headers)
            return (session.map { counter.principal(of: $0.person) }, session)
        }
    }

    private func secret(of request: Request) -> String? {
        if let key = request.headers[.apiKey] { return key }
        guard let text = request.headers[.authorization], text.lowercased().hasPrefix("bearer ") else { return nil }
        return text.dropFirst(7).trimmingCharacters(in: .whitespaces)
    }

    private func principal(of request: Request, _ scope: Scope) async throws -> Principal {
        guard let secret = secret(of: request) else {
            throw Problem(.unauthenticated, "Send an API key: Authorization: Bearer sk_test_… or X-Api-Key: …")
        }
        let now = counter.world.time.now()
        guard let key = try counter.store.look({ db in try APIKey.authenticate(secret, at: now, in: db) }) else {
            throw Problem(.unauthenticated, "This API key is unknown, revoked or expired.")
        }
        if key.lastUsedAt.map({ $0 + .seconds(60) < now }) ?? true {
            // A note for people: a full disk must not lock them out.
            try? await counter.store.write { db in try APIKey.touch(key.id, at: now, in: db) }
        }
        guard key.principal.may(scope) else {
            throw Problem(.forbidden, "This needs a key with scope \(scope.rawValue) or admin.")
        }
        return key.principal
    }

    private func body(of request: Request, _ route: Route) async throws -> [UInt8] {
        let limit: Int
        switch route.carries {
        case .nothing where route.method == .get || route.method == .delete: return []
        case .nothing, .json: limit = counter.options.bodyBytesAPI
        case .x402: limit = counter.options.bodyBytesX402
        case .form where route.door == .session: limit = counter.options.bodyBytesAPI
        case .form: limit = counter.options.bodyBytesSignIn
        }
        try checkType(request, route)
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit {
            throw Problem(.bodyTooLarge, "The body may have \(limit) bytes at most.")
        }
        let buffer = try await request.body.collect(upTo: limit)
        return Array(buffer.readableBytesView)
    }

    private func checkType(_ request: Request, _ route: Route) throws {
        guard let type = request.headers[.contentType]?.lowercased() else { return }
        let wanted: [String]
        switch route.carries {
        case .nothing: return
        case .json, .x402: wanted = ["application/json"]
        case .form: wanted = ["application/x-www-form-urlencoded"]
        }
        guard wanted.contains(where: { type.hasPrefix($0) }) else {
            throw Problem(.unsupportedMedia, "Send the body as \(wanted[0]).")
        }
    }

    private func claim(_ request: Request, _ route: Route, _ principal: Principal?, _ body: [UInt8]) throws -> IdempotencyClaim? {
        guard route.takesIdempotencyKey, let principal, let key = request.headers[.idempotencyKey] else { return nil }
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw Problem(.invalidIdempotencyKey, "Idempotency-Key must be 1 to 255 printable characters without spaces.")
        }
        let owner = principal.sellerID + (principal.livemode ? "/live" : "/test")
        return IdempotencyClaim(owner: owner, route: request.method.rawValue + " " + request.uri.path, key: key, body: body)
    }

    // MARK: - Going out

    private func signInFirst(_ request: Request, _ route: Route) -> Reply {
        guard request.method == .get else { return .redirect(to: "/admin/sign-in") }
        let next = request.uri.path.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return .redirect(to: "/admin/sign-in?next=" + next)
    }

    /// A person sees a page, a program a problem document.
    private func reply(to problem: Problem, _ request: Request, _ requestID: String) -> Reply {
        let status = problem.code.kind.status
        var reply =
            request.headers.isBrowser && !request.uri.path.hasPrefix("/api")
            ? Reply.html(counter.pages.notice(title: problem.code.title, text: problem.detail, status: status.code), status: status)
            : Reply(status: status, body: .bytes(problem.document(requestID: requestID).bytes, type: "application/problem+json"))
        if problem.code == .unauthenticated { reply.headers[.wwwAuthenticate] = "Bearer" }
        if problem.code.retryable, problem.code.kind == .unavailable { reply.headers[.retryAfter] = "5" }
        return reply
    }

    func problem(_ problem: Problem, _ request: Request) -> Response {
        let id = requestID(of: request)
        return finish(reply(to: problem, request, id), id, request)
    }

    /// Writes the body, and the headers that every answer has.
    private func finish(_ reply: Reply, _ requestID: String, _ request: Request) -> Response {
        var headers: HTTPFields
        let bytes: [UInt8]
        switch reply.body {
        case .none: (headers, bytes) = (json, [])
        case .json(let value): (headers, bytes) = (typed("application/json"), value.bytes)
        case .encoded(let encoded): (headers, bytes) = (typed("application/json"), encoded)
        case .html(let text):
            headers = html
            headers[.contentType] = "text/html; charset=utf-8"
            bytes = Array(text.utf8)
        case .bytes(let raw, let type): (headers, bytes) = (typed(type), raw)
        }
        for field in reply.headers { headers[field.name] = field.value }
        for cookie in reply.headers[values: .setCookie].dropFirst() { headers.append(HTTPField(name: .setCookie, value: cookie)) }
        headers[.requestID] = requestID
        allowOrigin(request, &headers)
        let response = Response(status: reply.status, headers: headers, body: bytes.isEmpty ? .init() : .init(byteBuffer: ByteBuffer(bytes: bytes)))
        // HEAD is answered like GET without its body; a client would take one for the next answer.
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func typed(_ type: String) -> HTTPFields {
        var headers = json
        headers[.contentType] = type
        return headers
    }

    // MARK: - CORS

    /// Only exact origins of the settings; scripts may then read x402's headers.
    private func allowOrigin(_ request: Request, _ headers: inout HTTPFields) {
        headers.append(HTTPField(name: .vary, value: "Origin"))
        guard let origin = request.headers[.origin] else { return }
        guard counter.options.allowedOrigins.contains(origin) || counter.options.allowedOrigins.contains("*") else { return }
        headers[.accessControlAllowOrigin] = origin
        headers[.accessControlExposeHeaders] = "PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, X-Request-Id, Retry-After, Idempotent-Replayed"
    }

    /// Answers OPTIONS: never paywalled, and asks nothing of the caller.
    func preflight(_ request: Request) -> Response {
        var reply = Reply(status: .noContent)
        reply.headers[.accessControlAllowMethods] = "GET, HEAD, POST, PATCH, DELETE, OPTIONS"
        // Python and TypeScript clients put Access-Control-Expose-Headers on the request they retry.
        reply.headers[.accessControlAllowHeaders] =
            "Authorization, X-Api-Key, Content-Type, Idempotency-Key, X-Request-Id, PAYMENT-SIGNATURE, X-PAYMENT, SIGN-IN-WITH-X, Access-Control-Expose-Headers"
        reply.headers[.accessControlMaxAge] = "600"
        return finish(reply, requestID(of: request), request)
    }
}

/// What reaches no route: preflights, and addresses where there is nothing.
private struct Unrouted: RouterMiddleware {
    typealias Context = BasicRequestContext
    let serving: Serving

    func handle(_ request: Request, context: Context, next: (Request, Context) async throws -> Response) async throws -> Response {
        if request.method == .options { return serving.preflight(request) }
        do {
            return try await next(request, context)
        } catch {
            return serving.problem(
                ProblemResponses.problem(for: error, requestID: serving.requestID(of: request), logger: serving.logger), request)
        }
    }
}
