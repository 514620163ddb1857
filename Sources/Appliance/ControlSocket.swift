import Glibc
import HTTPTypes
import Hummingbird
import Kernel
import Logging
import NIOCore
import ServiceLifecycle

/// What a command asks of the running server.
package struct ControlRequest: Sendable, Equatable {
    /// Upper case, such as `POST`.
    package let method: String
    /// Such as `/keys`.
    package let path: String
    /// What the command sent; null where the body was empty.
    package let body: JSON
    /// The user who runs the command, as the kernel says: audited as `local:<uid>`.
    package let userID: UInt32

    package init(method: String, path: String, body: JSON, userID: UInt32) {
        self.method = method
        self.path = path
        self.body = body
        self.userID = userID
    }

    /// Who did it, in the audit log.
    package var actor: String { "local:\(userID)" }
}

/// The door through which commands reach a server that holds the data file.
///
/// HTTP over a unix socket beside the data file: JSON in, JSON out. The file is its
/// owner's alone (0600), and a peer that is neither the server's user nor root is
/// refused even where it got hold of the socket. A socket left by a crash is removed
/// at start; the lock on the data file makes sure that nobody is listening on it.
package struct ControlSocket: Service {
    /// Answers one request. A thrown `Problem` becomes a refusal the command prints;
    /// any other error is logged, and the command is told only that it failed.
    package typealias Responder = @Sendable (ControlRequest) async throws -> JSON

    /// Largest body of a request, in bytes.
    static let bodyBytesMax = 1 << 20

    private let path: String
    private let logger: Logger
    private let respond: Responder

    /// - Parameter data: The data file.
    package init(data: String, logger: Logger, respond: @escaping Responder) {
        path = Self.path(data: data)
        var logger = logger
        // The server's own "listening" lines would come before Till's first line.
        logger.logLevel = max(logger.logLevel, .warning)
        self.logger = logger
        self.respond = respond
    }

    package func run() async throws {
        LiveProcess.keepFilesPrivate()
        if path.hasPrefix(Self.shortDirectory(userID: LiveProcess.userID)) { try Self.makeShortDirectory() }
        let responder = CallbackResponder<ControlContext> { request, context in
            guard let user = await context.userID() else { return Self.answer(.forbidden, Self.forbidden) }
            do {
                let buffer = try await request.body.collect(upTo: Self.bodyBytesMax)
                let bytes = Array(buffer.readableBytesView)
                let body: JSON = bytes.isEmpty ? .null : try JSON.read(bytes)
                let asked = ControlRequest(method: request.method.rawValue, path: request.uri.path, body: body, userID: user)
                return Self.answer(.ok, try await respond(asked))
            } catch let problem as Problem {
                return Self.answer(.unprocessableContent, ControlAnswer.document(problem))
            } catch {
                logger.error("a command failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
                return Self.answer(.internalServerError, ControlAnswer.document(Self.failed))
            }
        }
        let server = Application(
            responder: responder, configuration: ApplicationConfiguration(address: .unixDomainSocket(path: path)),
            onServerRunning: { _ in _ = chmod(path, 0o600) }, logger: logger)
        defer { unlink(path) }
        try await server.run()
    }

    private static let forbidden = ControlAnswer.document(
        Problem(.invalidRequest, "Only the user who runs the server, and root, may use its control socket."))

    private static let failed = Problem(.internalError, "The server could not do it. Its log says why.")

    private static func answer(_ status: HTTPResponse.Status, _ json: JSON) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = status == .ok ? "application/json" : "application/problem+json"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: json.bytes)))
    }
}

/// Where the socket lies.
extension ControlSocket {
    /// Longest path that is used as it is. The system's own limit is 107 bytes.
    ///
    /// - SeeAlso: unix(7)
    package static let pathBytesMax = 100

    /// `<data>.sock`, or `/tmp/till-<uid>/<hash>.sock` where that is too long for a socket.
    ///
    /// A relative path is used as it stands: server and command share their directory,
    /// or name the data file in full.
    package static func path(data: String, userID: UInt32 = LiveProcess.userID) -> String {
        let plain = data + ".sock"
        guard plain.utf8.count > pathBytesMax else { return plain }
        return shortDirectory(userID: userID) + hash(plain) + ".sock"
    }

    private static func shortDirectory(userID: UInt32) -> String { "/tmp/till-\(userID)/" }

    /// FNV-1a, 64 bits. It only keeps the sockets of several data files apart.
    private static func hash(_ text: String) -> String {
        var value: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return String(value, radix: 16)
    }

    /// Makes the short path's directory, and trusts it only where it is ours alone:
    /// anyone may make names in /tmp.
    private static func makeShortDirectory() throws {
        // Without its last slash: lstat(2) would otherwise look through a link.
        let directory = String(shortDirectory(userID: LiveProcess.userID).dropLast())
        mkdir(directory, 0o700)
        var found = stat()
        let known = lstat(directory, &found) == 0
        let isDirectory = (found.st_mode & S_IFMT) == S_IFDIR
        let isPrivate = (found.st_mode & 0o077) == 0 && found.st_uid == LiveProcess.userID
        guard known, isDirectory, isPrivate else {
            throw DiskFailure(path: directory, reason: "It must be a directory that only this user can enter")
        }
    }
}

/// A request's context that knows who is at the other end.
private struct ControlContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    private let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// The peer's user, or nil where it may not command this server.
    ///
    /// - SeeAlso: unix(7), SO_PEERCRED
    func userID() async -> UInt32? {
        guard let options = channel as? any SocketOptionProvider else { return nil }
        do {
            let read: EventLoopFuture<PeerCredentials> = options.unsafeGetSocketOption(
                level: NIOBSDSocket.OptionLevel(rawValue: SOL_SOCKET), name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
            let peer = try await read.get()
            return peer.userID == 0 || peer.userID == LiveProcess.userID ? peer.userID : nil
        } catch {
            return nil
        }
    }
}

/// `struct ucred` of the kernel, field for field.
private struct PeerCredentials: Sendable {
    var processID: Int32
    var userID: UInt32
    var groupID: UInt32
}
