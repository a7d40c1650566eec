"""web/export"""
