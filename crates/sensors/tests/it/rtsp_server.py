"""Serves a video by GStreamer's RTSP server, from its beginning to each client, until it is killed.

rtsp_server.py FILE.mp4 [user:password]   prints the port it listens on.
Paths: /h264, /jpeg (encoded anew, RTP/JPEG), /vp8 (what Walkout does not decode).
"""
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

Gst.init(None)
file = sys.argv[1]
login = sys.argv[2].split(":", 1) if len(sys.argv) > 2 else None
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service("0")
read = f'filesrc location="{file}" ! qtdemux ! h264parse'
raw = "videotestsrc num-buffers=50 is-live=true ! video/x-raw,format=I420,width=160,height=96,framerate=25/1"
pipelines = {
    "/h264": f"( {read} ! rtph264pay name=pay0 pt=96 config-interval=-1 )",
    "/jpeg": f"( {raw} ! jpegenc ! rtpjpegpay name=pay0 pt=26 )",
    "/vp8": f"( {raw} ! vp8enc deadline=1 ! rtpvp8pay name=pay0 pt=96 )",
}
for path, launch in pipelines.items():
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(launch)
    factory.set_shared(False)
    if login:
        role = "user,media.factory.access=(boolean)true,media.factory.construct=(boolean)true"
        factory.add_role_from_structure(Gst.Structure.new_from_string(role))
    server.get_mount_points().add_factory(path, factory)
if login:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(*login), token)
    server.set_auth(auth)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
