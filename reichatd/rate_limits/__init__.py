"""Limits on how often something may be done, by one client and to one account: asked before anything is hashed, stored or sent."""

from reichatd.rate_limits.addresses import network_of
from reichatd.rate_limits.counts import Counts, MemoryCounts
from reichatd.rate_limits.limiter import RateLimiter
from reichatd.rate_limits.refusals import Refusals
from reichatd.rate_limits.rules import RULES, Action, Rule, Scope

__all__ = ["RULES", "Action", "Counts", "MemoryCounts", "RateLimiter", "Refusals", "Rule", "Scope", "network_of"]
