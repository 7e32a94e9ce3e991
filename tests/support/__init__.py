"""What tests share: helpers, and the real servers, clients and files that they use."""
