//! Limits of auth-service. Those that can be configured name their flag.

use std::time::Duration;

/// How long an access token counts.
pub const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// How long a refresh token counts, if it is not used.
pub const REFRESH_TOKEN_LIFETIME: Duration = Duration::from_secs(14 * 86_400);

/// How long a session lasts, however often it is refreshed.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(90 * 86_400);

/// How long a session and its tokens are kept after their end, for whoever asks why.
pub const SESSION_KEPT: Duration = Duration::from_secs(7 * 86_400);

/// How long a refresh token is kept after its time, for whoever asks why. A used one coming again ends
/// its session until its time is over; then it is refused as any other, so nothing needs it.
pub const REFRESH_TOKEN_KEPT: Duration = Duration::from_secs(7 * 86_400);

/// Refreshes of one session in a window; then 429. A client needs 4 in an hour: this only bounds how
/// many tokens one session leaves behind.
pub const REFRESHES_MAX: u32 = 300;

/// The window of [`REFRESHES_MAX`], from its first refresh on.
pub const REFRESHES_WINDOW: Duration = Duration::from_secs(3600);

/// How long logins are kept.
pub const LOGIN_KEPT: Duration = Duration::from_secs(90 * 86_400);

/// How often what is old is deleted.
pub const CLEAN_PERIOD: Duration = Duration::from_secs(600);

/// Rows deleted at once.
pub const CLEAN_ROWS: u32 = 1000;

/// How often the folder of keys is read.
pub const KEYS_PERIOD: Duration = Duration::from_secs(5);

/// How long a key is still published after its last token has ended: the leeway of clocks, and more.
pub const KEY_MARGIN: Duration = Duration::from_secs(120);

/// How long others may keep the JWKS, in seconds.
pub const JWKS_MAX_AGE_SECONDS: u32 = 60;

/// How long Redis has to answer. Then the attempt is not counted.
pub const REDIS_TIMEOUT: Duration = Duration::from_millis(500);

/// Shortest secret of a client, in characters.
pub const CLIENT_SECRET_CHARS_MIN: usize = 16;

/// Longest user agent that is kept, in characters.
pub const USER_AGENT_CHARS_MAX: usize = 255;

/// Longest mail address that is kept with a login, in characters.
pub const EMAIL_CHARS_MAX: usize = 254;

/// Logins on a page.
pub const PAGE_MAX: u32 = 100;
/// Logins on a page without `limit`.
pub const PAGE_DEFAULT: u32 = 20;
